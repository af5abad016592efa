//! Kong's rules for `rate-limiting`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, Input, RequestVerdict, Value};

use super::RateLimiting;

/// 20 seconds into a minute.
const NOW: u64 = 1_700_000_000_000;

fn tester(config: Json) -> Tester<RateLimiting> {
    Host::new().at_unix_ms(NOW).install();
    Tester::new(&config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

fn passes(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Ok(RequestVerdict::Proceed(_)))
}

fn at(now: u64) -> Request {
    Request::get("/").fact(&Input::StartedAtUnixMs, Value::Number(now))
}

#[test]
fn counts_down_then_refuses_until_the_period_ends() {
    let mut tester = tester(json!({"minute": 2}));
    for remaining in ["1", "0"] {
        let outcome = tester.request_head(&at(NOW));
        assert!(passes(&outcome));
        let get = |name| outcome.response_headers.get(name);
        assert_eq!(
            (get("x-ratelimit-limit-minute"), get("x-ratelimit-remaining-minute")),
            (Some("2"), Some(remaining))
        );
        assert_eq!(
            (get("ratelimit-limit"), get("ratelimit-remaining"), get("ratelimit-reset")),
            (Some("2"), Some(remaining), Some("40"))
        );
        assert_eq!(get("retry-after"), None);
    }
    let outcome = tester.request_head(&at(NOW + 30_000));
    let answer = outcome.answer();
    assert_eq!((answer.status, &answer.body), (429, &AnswerBody::Message("API rate limit exceeded".into())));
    let get = |name| outcome.response_headers.get(name);
    assert_eq!(
        (get("x-ratelimit-remaining-minute"), get("ratelimit-reset"), get("retry-after")),
        (Some("0"), Some("10"), Some("10"))
    );
    assert!(passes(&tester.request_head(&at(NOW + 40_000))), "a new minute");
}

#[test]
fn a_refused_request_is_counted_nowhere() {
    let mut tester = tester(json!({"second": 1, "hour": 10}));
    assert!(passes(&tester.request_head(&at(NOW))));
    for _ in 0..5 {
        let outcome = tester.request_head(&at(NOW));
        assert_eq!(
            outcome.response_headers.get("x-ratelimit-remaining-hour"),
            Some("9"),
            "the hour is not charged"
        );
        assert_eq!(outcome.answer().status, 429);
    }
    assert_eq!(
        tester.request_head(&at(NOW + 1000)).response_headers.get("x-ratelimit-remaining-hour"),
        Some("8")
    );
}

#[test]
fn the_standard_headers_speak_of_the_tightest_period() {
    for (case, config, want) in [
        ("least remaining", json!({"second": 100, "minute": 100, "hour": 100, "day": 1000}), "100"),
        ("of equals the longer period", json!({"minute": 5, "hour": 5}), "5"),
    ] {
        let outcome = tester(config).request_head(&at(NOW));
        assert_eq!(outcome.response_headers.get("ratelimit-limit"), Some(want), "{case}");
    }
    let outcome = tester(json!({"minute": 5, "hour": 5})).request_head(&at(NOW));
    assert_eq!(outcome.response_headers.get("ratelimit-reset"), Some("2800"), "the hour, not the minute");
}

#[test]
fn counts_callers_apart() {
    let text = |text: &str| Value::Text(text.into());
    let from = |ip: &str| at(NOW).fact(&Input::ClientIp, text(ip));
    let consumer = |id: &str| at(NOW).fact(&Input::ConsumerId, text(id));
    let credential = |id: &str| at(NOW).fact(&Input::CredentialId, text(id));
    let path = |path: &str, ip: &str| {
        let request = Request::get(path).fact(&Input::StartedAtUnixMs, Value::Number(NOW));
        request.fact(&Input::ClientIp, text(ip))
    };
    for (case, config, first, second, apart) in [
        ("consumers", json!({}), consumer("a"), consumer("b"), true),
        (
            "one consumer from two addresses",
            json!({}),
            consumer("a").fact(&Input::ClientIp, text("1")),
            consumer("a").fact(&Input::ClientIp, text("2")),
            false,
        ),
        ("a credential without a consumer", json!({}), credential("a"), credential("b"), true),
        ("nobody known: addresses", json!({}), from("1"), from("2"), true),
        ("by credential", json!({"limit_by": "credential"}), credential("a"), credential("b"), true),
        ("by address", json!({"limit_by": "ip"}), consumer("a"), consumer("b"), false),
        (
            "by header",
            json!({"limit_by": "header", "header_name": "X-Team"}),
            at(NOW).header("x-team", "a"),
            at(NOW).header("x-team", "b"),
            true,
        ),
        (
            "by a header that is missing: addresses",
            json!({"limit_by": "header", "header_name": "X-Team"}),
            from("1"),
            from("2"),
            true,
        ),
        ("by path", json!({"limit_by": "path", "path": "/a"}), path("/a", "1"), path("/a", "2"), false),
        (
            "by another path: addresses",
            json!({"limit_by": "path", "path": "/a"}),
            path("/b", "1"),
            path("/b", "2"),
            true,
        ),
        (
            "by service",
            json!({"limit_by": "service"}),
            from("1").fact(&Input::ServiceId, text("s")),
            from("2").fact(&Input::ServiceId, text("s")),
            false,
        ),
    ] {
        let mut config = config;
        config["minute"] = json!(1);
        let mut tester = tester(config);
        assert!(passes(&tester.request_head(&first)), "{case}: the first");
        assert_eq!(passes(&tester.request_head(&second)), apart, "{case}: the second");
    }
}

#[test]
fn the_operator_decides_what_the_client_is_told() {
    let mut quiet = tester(
        json!({"minute": 1, "hide_client_headers": true, "error_code": 503, "error_message": "later"}),
    );
    assert_eq!(quiet.request_head(&at(NOW)).response_headers, weir_plugin_sdk::testing::Headers::default());
    let outcome = quiet.request_head(&at(NOW));
    assert_eq!(
        (outcome.answer().status, &outcome.answer().body),
        (503, &AnswerBody::Message("later".into()))
    );
    assert!(outcome.answer().headers.is_empty(), "{outcome:?}");
}

#[test]
fn counters_of_all_nodes() {
    for policy in ["cluster", "redis"] {
        let config = json!({"minute": 1, "policy": policy, "redis": {"host": "redis"}});
        let mut first = tester(config.clone());
        assert!(passes(&first.request_head(&at(NOW))), "{policy}");
        let mut second = Tester::<RateLimiting>::new(&config).unwrap();
        assert_eq!(
            second.request_head(&at(NOW)).answer().status,
            429,
            "{policy}: another instance counts on"
        );
    }
    let mut local = tester(json!({"minute": 1}));
    assert!(passes(&local.request_head(&at(NOW))), "the same name on this node is another counter");
}

#[test]
fn counters_that_are_away() {
    for (case, tolerant, want) in [("let through", true, None), ("refused", false, Some(500))] {
        let config = json!({"minute": 1, "policy": "cluster", "fault_tolerant": tolerant});
        let mut tester = tester(config);
        Host::new().at_unix_ms(NOW).shared_state_fails("the database is away").install();
        let outcome = tester.request_head(&at(NOW));
        let status = match &outcome.verdict {
            Ok(RequestVerdict::Respond(answer)) => Some(answer.status),
            Ok(RequestVerdict::Proceed(_)) | Err(_) => None,
        };
        assert_eq!(status, want, "{case}");
        assert!(outcome.response_headers.get("x-ratelimit-limit-minute").is_none(), "{case}");
        assert_eq!(Host::log_lines().len(), 1, "{case}: the operator is told");
    }
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    let order = "The limit for hour(2.0) cannot be lower than the limit for minute(3.0)";
    let tls = json!({"host": "one", "ssl": true, "server_name": "two"});
    let name = "must be the host or empty: certificates are checked by the host";
    for (case, config, pointer, message) in [
        ("a longer period with a lower limit", json!({"minute": 3, "hour": 2}), "", order),
        (
            "another name for TLS",
            json!({"minute": 1, "policy": "redis", "redis": tls}),
            "/redis/server_name",
            name,
        ),
        (
            "a status that is none",
            json!({"minute": 1, "error_code": 99}),
            "/error_code",
            "must be a status from 200 to 599",
        ),
    ] {
        let problems = Tester::<RateLimiting>::new(&config).err().unwrap_or_default();
        let first = problems.first().map(|problem| (problem.pointer.as_str(), problem.message.as_str()));
        assert_eq!(first, Some((pointer, message)), "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [
        ("second", json!(null)),
        ("minute", json!(null)),
        ("hour", json!(null)),
        ("day", json!(null)),
        ("month", json!(null)),
        ("year", json!(null)),
        ("limit_by", json!("consumer")),
        ("header_name", json!(null)),
        ("path", json!(null)),
        ("policy", json!("local")),
        ("fault_tolerant", json!(true)),
        ("hide_client_headers", json!(false)),
        ("error_code", json!(429)),
        ("error_message", json!("API rate limit exceeded")),
        ("sync_rate", json!(-1)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
}
