//! Kong's rules for `response-ratelimiting`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Headers, Host, Outcome, Request, Response, ResponseOutcome, Tester};
use weir_plugin_sdk::{AnswerBody, Input, RequestVerdict, ResponseVerdict, Value};

use super::ResponseRateLimiting;

/// 20 seconds into a minute.
const NOW: u64 = 1_700_000_000_000;

/// A plugin for an assignment, and the exchanges that it sees.
struct Site(Tester<ResponseRateLimiting>);

impl Site {
    fn new(config: &Json) -> Self {
        Host::new().at_unix_ms(NOW).install();
        Self::beside(config)
    }

    /// The same with the host as it is.
    fn beside(config: &Json) -> Self {
        Self(Tester::new(config).unwrap_or_else(|problems| panic!("{config}: {problems:?}")))
    }

    fn ask(&mut self, request: &Request) -> Outcome {
        self.0.request_head(request)
    }

    /// An exchange whose response says this.
    fn said(&mut self, request: &Request, said: &[&str]) -> ResponseOutcome {
        let outcome = self.ask(request);
        assert!(passes(&outcome), "{outcome:?}");
        let response =
            said.iter().fold(Response::new(200), |response, said| response.header("x-kong-limit", *said));
        self.0.response_head(request, &response)
    }

    fn uses(&mut self, said: &str) -> ResponseOutcome {
        self.said(&at(NOW), &[said])
    }
}

fn at(now: u64) -> Request {
    Request::get("/").fact(&Input::StartedAtUnixMs, Value::Number(now))
}

fn passes(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Ok(RequestVerdict::Proceed(_)))
}

/// The headers with the limits of one name, as the client gets them.
fn told(headers: &Headers, name: &str, period: &str) -> (Option<String>, Option<String>) {
    let get = |what: &str| headers.get(&format!("x-ratelimit-{what}-{name}-{period}")).map(str::to_owned);
    (get("limit"), get("remaining"))
}

fn pair(limit: &str, remaining: &str) -> (Option<String>, Option<String>) {
    (Some(limit.to_owned()), Some(remaining.to_owned()))
}

/// What a response that was replaced says.
fn refused(outcome: &ResponseOutcome) -> Headers {
    let Ok(ResponseVerdict::Replace(answer)) = &outcome.verdict else { panic!("{outcome:?}") };
    assert_eq!((answer.status, &answer.body), (429, &AnswerBody::None));
    let mut headers = Headers::default();
    answer.headers.iter().for_each(|header| headers.add(&header.name, header.value.clone()));
    headers
}

#[test]
fn counts_what_responses_say_and_refuses_once_nothing_is_left() {
    for policy in ["local", "cluster", "redis"] {
        let mut site = Site::new(&json!({ "policy": policy, "limits": { "video": { "minute": 5 } } }));
        for (used, remaining) in [("video=2", "3"), ("video=2", "1"), ("video=2", "0")] {
            let outcome = site.uses(used);
            assert_eq!((outcome.status, outcome.headers.get("x-kong-limit")), (200, None), "{policy}");
            assert_eq!(told(&outcome.headers, "video", "minute"), pair("5", remaining), "{policy}");
        }
        let headers = refused(&site.uses("video=1"));
        assert_eq!(told(&headers, "video", "minute"), pair("5", "0"), "{policy}");
        assert_eq!(site.uses("other=1").status, 200, "{policy}: a response that costs nothing passes");
        let outcome = site.said(&at(NOW + 40_000), &["video=1"]);
        assert_eq!(told(&outcome.headers, "video", "minute"), pair("5", "4"), "{policy}: a new minute");
    }
}

#[test]
fn limits_are_apart_by_name_and_period() {
    let limits = json!({ "video": { "second": 20, "minute": 40 }, "image": { "second": 2.5 } });
    let mut site = Site::new(&json!({ "limits": limits }));
    let headers = site.uses("video=2, image=1").headers;
    assert_eq!(told(&headers, "video", "second"), pair("20", "18"));
    assert_eq!(told(&headers, "video", "minute"), pair("40", "38"));
    assert_eq!(told(&headers, "image", "second"), pair("2.5", "2"));
    site.uses("image=2");
    let headers = refused(&site.uses("video=1, image=1"));
    assert_eq!(told(&headers, "video", "second"), pair("20", "18"), "what is refused is not counted");
    assert_eq!(told(&headers, "image", "second"), pair("2.5", "0"));
    let headers = site.said(&at(NOW + 1000), &["video=1, image=1"]).headers;
    assert_eq!(told(&headers, "video", "second"), pair("20", "19"));
    assert_eq!(told(&headers, "video", "minute"), pair("40", "37"));
}

#[test]
fn reads_what_the_upstream_says() {
    for (case, said, video) in [
        ("one", &["video=3"][..], 3),
        ("nothing", &[], 0),
        ("spaces", &["  image = 1 ,\tvideo = 3 "], 3),
        ("several headers", &["image=1", "video=3"], 3),
        ("several in each of several headers", &["image=1, other=2", "other=1, video=3"], 3),
        ("the last of two", &["video=1, video=3"], 3),
        ("no number behind a number", &["video=1, video=x"], 0),
        ("another case", &["Video=3"], 0),
        ("no number", &["video="], 0),
        ("no equals sign", &["video"], 0),
        ("two equals signs", &["video=3=4"], 0),
        ("a negative number", &["video=-3"], 0),
        ("infinity", &["video=inf"], 0),
        ("not a number", &["video=nan"], 0),
        ("a part", &["video=2.5"], 3),
        ("in powers of ten", &["video=1e1"], 10),
        ("more than there are numbers", &["video=99999999999999999999999"], 100),
        ("only separators", &[",,=,==,"], 0),
    ] {
        let mut site =
            Site::new(&json!({ "limits": { "video": { "hour": 100 }, "image": { "hour": 100 } } }));
        let headers = site.said(&at(NOW), said).headers;
        assert_eq!(told(&headers, "video", "hour"), pair("100", &(100 - video).to_string()), "{case}");
        assert_eq!(headers.get("x-kong-limit"), None, "{case}");
    }
    let mut site = Site::new(&json!({ "limits": { "video": { "hour": 100 } } }));
    let (request, bytes) = (at(NOW), b"\xff\xfe=1,video=3,\xff".to_vec());
    site.ask(&request);
    let outcome = site.0.response_head(&request, &Response::new(200).header("x-kong-limit", bytes));
    assert_eq!(told(&outcome.headers, "video", "hour"), pair("100", "97"), "what is no text says nothing");
}

#[test]
fn no_cost_is_too_high_to_be_counted() {
    let mut site = Site::new(&json!({ "limits": { "video": { "hour": 100 } } }));
    site.uses("video=1");
    assert_eq!(site.uses("video=1e300").status, 200, "a response that goes over is delivered");
    refused(&site.uses("video=1"));
}

#[test]
fn the_upstream_is_told_what_is_left_of_each_name() {
    let limits = json!({ "Video": { "second": 10, "minute": 20 }, "image": { "second": 9 } });
    let mut site = Site::new(&json!({ "limits": limits, "hide_client_headers": true }));
    site.uses("Video=2, image=1");
    let outcome = site.ask(&at(NOW).header("x-ratelimit-remaining-image", "1000"));
    assert_eq!(outcome.headers.all("x-ratelimit-remaining-video"), ["8"]);
    assert_eq!(outcome.headers.all("x-ratelimit-remaining-image"), ["8"], "and not what the client says");
}

#[test]
fn the_first_violation_blocks_every_request_if_asked() {
    let limits = json!({ "video": { "second": 10, "minute": 20 }, "image": { "second": 4 } });
    let mut site = Site::new(&json!({ "limits": limits, "block_on_first_violation": true }));
    assert_eq!(site.uses("video=2, image=5").status, 200);
    let outcome = site.ask(&at(NOW));
    let answer = outcome.answer();
    let message = AnswerBody::Message("API rate limit exceeded for 'image'".into());
    assert_eq!((answer.status, &answer.body, answer.headers.len()), (429, &message, 0));
    assert!(passes(&site.ask(&at(NOW + 1000))), "a new second");
}

#[test]
fn the_client_is_told_nothing_if_asked() {
    let mut site = Site::new(&json!({ "limits": { "video": { "hour": 1 } }, "hide_client_headers": true }));
    let outcome = site.uses("video=1");
    assert_eq!((outcome.status, outcome.headers), (200, Headers::default()));
    assert_eq!(refused(&site.uses("video=1")), Headers::default());
}

#[test]
fn the_header_has_the_name_of_the_operators_choosing() {
    let config = json!({ "limits": { "video": { "hour": 9 } }, "header_name": "X-Cost" });
    let (mut site, request) = (Site::new(&config), at(NOW));
    site.ask(&request);
    let response = Response::new(200).header("x-cost", "video=2").header("x-kong-limit", "video=1");
    let outcome = site.0.response_head(&request, &response);
    assert_eq!(told(&outcome.headers, "video", "hour"), pair("9", "7"));
    assert_eq!((outcome.headers.get("x-cost"), outcome.headers.get("x-kong-limit")), (None, Some("video=1")));
}

#[test]
fn counts_callers_apart() {
    let text = |text: &str| Value::Text(text.into());
    let from = |ip: &str| at(NOW).fact(&Input::ClientIp, text(ip));
    let consumer = |id: &str| at(NOW).fact(&Input::ConsumerId, text(id));
    let credential = |id: &str| at(NOW).fact(&Input::CredentialId, text(id));
    let of_one = |id: &str| consumer("a").fact(&Input::CredentialId, text(id));
    for (case, limit_by, first, second, apart) in [
        ("consumers", json!("consumer"), consumer("a"), consumer("b"), true),
        ("one consumer with two credentials", json!("consumer"), of_one("1"), of_one("2"), false),
        ("a credential without a consumer", json!("consumer"), credential("a"), credential("b"), true),
        ("nobody known: addresses", json!("consumer"), from("1"), from("2"), true),
        ("by credential", json!("credential"), of_one("1"), of_one("2"), true),
        ("by credential, without one: addresses", json!("credential"), from("1"), from("2"), true),
        ("by address", json!("ip"), of_one("1"), consumer("b"), false),
        ("by nothing in particular: addresses", json!(null), of_one("1"), consumer("b"), false),
    ] {
        let mut site = Site::new(&json!({ "limits": { "video": { "hour": 1 } }, "limit_by": limit_by }));
        assert_eq!(site.said(&first, &["video=1"]).status, 200, "{case}: the first");
        let second = site.said(&second, &["video=1"]).status;
        assert_eq!(second == 200, apart, "{case}: the second");
    }
}

#[test]
fn what_cannot_be_counted_passes_or_fails() {
    let away = || Host::new().at_unix_ms(NOW).shared_state_fails("the server is away").install();
    let config = |tolerant: bool| json!({ "limits": { "video": { "hour": 9 } }, "policy": "redis", "fault_tolerant": tolerant });
    away();
    let outcome = Site::beside(&config(true)).ask(&at(NOW));
    let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{outcome:?}") };
    assert!(!proceed.response, "nothing to tell the client");
    assert_eq!(proceed.response_edits, [weir_plugin_sdk::HeaderOp::Remove("x-kong-limit".into())]);

    let outcome = Site::beside(&config(false)).ask(&at(NOW));
    let message = AnswerBody::Message("An unexpected error occurred".into());
    assert_eq!((outcome.answer().status, &outcome.answer().body), (500, &message));
    assert_eq!(Host::log_lines().len(), 2, "{:?}", Host::log_lines());

    // A response that is there is not taken away again.
    let (mut site, request) = (Site::new(&config(false)), at(NOW));
    assert!(passes(&site.ask(&request)));
    away();
    let outcome = site.0.response_head(&request, &Response::new(200).header("x-kong-limit", "video=2"));
    assert_eq!((outcome.status, told(&outcome.headers, "video", "hour")), (200, pair("9", "7")));
    assert_eq!(Host::log_lines().len(), 1);
}

#[test]
fn there_may_be_more_limits_than_can_be_asked_about_at_once() {
    let periods = json!({ "second": 9, "minute": 9, "hour": 9, "day": 9, "month": 9, "year": 9 });
    let limits: serde_json::Map<_, _> = (0..16).map(|n| (format!("n{n:02}"), periods.clone())).collect();
    let mut site = Site::new(&json!({ "limits": limits }));
    let headers = site.uses("n15=2, n07=1").headers;
    for (name, remaining) in [("n15", "7"), ("n07", "8"), ("n14", "9")] {
        assert_eq!(told(&headers, name, "year"), pair("9", remaining), "{name}");
    }
}

#[test]
fn a_response_without_a_request_is_left_alone() {
    let mut site = Site::new(&json!({ "limits": { "video": { "hour": 9 } } }));
    let outcome = site.0.response_head(&at(NOW), &Response::new(503).header("x-kong-limit", "video=1"));
    assert_eq!((outcome.status, outcome.headers), (503, Headers::default()));
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    let lower = "the limit for minute(1.0) cannot be lower than the limit for second(2.0)";
    let many: serde_json::Map<_, _> = (0..101).map(|n| (n.to_string(), json!({ "hour": 1 }))).collect();
    let video = || json!({ "video": { "hour": 1 } });
    for (case, config, pointer, message) in [
        (
            "a longer period with a lower limit",
            json!({ "limits": { "video": { "second": 2, "minute": 1 } } }),
            "/limits",
            lower,
        ),
        (
            "a name for no header",
            json!({ "limits": { "a b": { "hour": 1 } } }),
            "/limits",
            "the name 'a b' cannot be part of the name of a header",
        ),
        (
            "a name with an equals sign",
            json!({ "limits": { "a=b": { "hour": 1 } } }),
            "/limits",
            "the name 'a=b' cannot be part of the name of a header",
        ),
        (
            "too many",
            json!({ "limits": many }),
            "/limits",
            "there can be 100 limits at most, of all names and periods together",
        ),
        (
            "no header",
            json!({ "limits": video(), "header_name": "a b" }),
            "/header_name",
            "must be the name of a header",
        ),
        (
            "a certificate of another host",
            json!({ "limits": video(), "policy": "redis", "redis": { "host": "a", "ssl": true, "server_name": "b" } }),
            "/redis/server_name",
            "must be the host or empty: certificates are checked by the host",
        ),
    ] {
        let problems = Tester::<ResponseRateLimiting>::new(&config).err().unwrap_or_default();
        let found: Vec<_> =
            problems.iter().map(|problem| (problem.pointer.as_str(), problem.message.as_str())).collect();
        assert_eq!(found, [(pointer, message)], "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [
        ("header_name", json!("x-kong-limit")),
        ("limit_by", json!("consumer")),
        ("policy", json!("local")),
        ("fault_tolerant", json!(true)),
        ("block_on_first_violation", json!(false)),
        ("hide_client_headers", json!(false)),
        ("redis_host", json!(null)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    for (field, default) in [("port", json!(6379)), ("timeout", json!(2000)), ("ssl", json!(false))] {
        assert_eq!(schema["properties"]["redis"]["properties"][field]["default"], default, "{field}");
    }
    assert_eq!(schema["required"], json!(["limits"]));
    assert_eq!(schema["x-checks"].as_array().map(Vec::len), Some(3));
    let limits = &schema["properties"]["limits"]["additionalProperties"];
    let periods = json!(["second", "minute", "hour", "day", "month", "year"]);
    assert_eq!(limits["x-checks"], json!([{ "at_least_one_of": periods }]), "{limits}");
    assert_eq!(limits["properties"]["day"]["exclusiveMinimum"], json!(0));
}
