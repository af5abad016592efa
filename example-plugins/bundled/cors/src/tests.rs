//! Kong's rules for `cors`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Headers, Request, Response, Tester};
use weir_plugin_sdk::{AnswerBody, RequestVerdict};

use super::Cors;

const ORIGIN: &str = "access-control-allow-origin";
const CREDENTIALS: &str = "access-control-allow-credentials";
const HEADERS: &str = "access-control-allow-headers";
const METHODS: &str = "access-control-allow-methods";
const MAX_AGE: &str = "access-control-max-age";
const EXPOSED: &str = "access-control-expose-headers";
const NETWORK: &str = "access-control-allow-private-network";

fn tester(config: &Json) -> Tester<Cors> {
    Tester::new(config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

fn preflight(origin: &str) -> Request {
    Request::new("OPTIONS", "/").header("origin", origin).header("access-control-request-method", "GET")
}

/// The headers of the answer to a preflight.
fn answered(config: &Json, request: &Request) -> Headers {
    let outcome = tester(config).request_head(request);
    let answer = outcome.answer();
    assert_eq!((answer.status, &answer.body), (200, &AnswerBody::None), "{config}");
    outcome.response_headers
}

/// What the upstream's response becomes.
fn responded(config: &Json, request: &Request, mut upstream: Headers) -> Headers {
    let outcome = tester(config).request_head(request);
    let Ok(RequestVerdict::Proceed(proceed)) = outcome.verdict else { panic!("{config}: it goes on") };
    assert!(!proceed.response, "no second call");
    assert!(proceed.edits.is_empty(), "the upstream sees the request as it came");
    upstream.apply(&proceed.response_edits);
    upstream
}

fn check(case: &str, found: &Headers, want: &[(&str, Option<&str>)]) {
    for (name, value) in want {
        assert_eq!(found.get(name), *value, "{case}: {name} of {found:?}");
    }
}

#[test]
fn origins_are_matched_as_kong_matches_them() {
    let askers = [
        "http://evil.test",
        "http://foo.test",
        "http://foo.test.evil.test",
        "http://something.foo.test",
        "http://evilfoo.test",
        "http://foo.test:80",
        "http://foo.test:8000",
        "https://foo.test:8000",
        "http://foo.test:90",
        "http://foobtest",
        "https://bar.test:1234",
    ];
    let (foo, any_port) =
        ("http://foo.test", ["http://foo.test:8000", "https://foo.test:8000", "http://foo.test:90"]);
    let [plain_8000, tls_8000, port_90] = any_port;
    let host = vec![(1, foo), (5, foo), (6, plain_8000), (7, tls_8000), (8, port_90)];
    let subdomain = || host.iter().copied().chain([(3, "http://something.foo.test")]).collect::<Vec<_>>();
    let (both_8000, only_tls) = (vec![(6, plain_8000), (7, tls_8000)], vec![(7, tls_8000)]);
    for (origins, allowed) in [
        (json!([r"foo\.test"]), host.clone()),
        (json!([r"(.*[./])?foo\.test"]), subdomain()),
        (json!([r"(.*[./])?foo\.test:8000"]), both_8000.clone()),
        (json!([r"https://(.*[.])?foo\.test:8000"]), only_tls.clone()),
        (
            json!([r"^http://(.*[.])?foo\.test(:(80|90))?$"]),
            vec![(1, foo), (3, "http://something.foo.test"), (5, foo), (8, port_90)],
        ),
        (json!(["foo.test", "bar.test"]), vec![]),
        (json!([foo, "https://bar.test:1234"]), vec![(1, foo), (5, foo), (10, "https://bar.test:1234")]),
        (json!(["bar.test", r"foo\.test"]), host.clone()),
        (json!(["bar.test", r"(.*\.)?foo\.test"]), subdomain()),
        (json!(["bar.test", r"(.*[./])?foo\.test:8000"]), both_8000),
        (json!(["bar.test", r"https://(.*\.)?foo\.test:8000"]), only_tls),
        (json!(["http://foo.test:80", "b"]), vec![(1, foo), (5, foo)]),
        // Both anchors are for both alternatives.
        (json!([r"http://foo\.test|http://b\.test"]), vec![(1, foo), (5, foo)]),
    ] {
        for (at, asker) in askers.iter().enumerate() {
            let want = allowed.iter().find(|(place, _)| *place == at).map(|(_, origin)| *origin);
            let config = json!({ "origins": origins });
            let case = format!("{origins} for {asker}");
            let found = answered(&config, &preflight(asker));
            check(&case, &found, &[(ORIGIN, want), ("vary", Some("Origin")), (CREDENTIALS, None)]);
            let get = Request::get("/").header("origin", *asker);
            let found = responded(&config, &get, Headers::default());
            check(&case, &found, &[(ORIGIN, want), ("vary", Some("Origin"))]);
        }
    }
    for one in ["foo.test", "https://bar.test:1234"] {
        for asker in askers {
            let found = answered(&json!({ "origins": [one] }), &preflight(asker));
            check("one plain origin", &found, &[(ORIGIN, Some(one)), ("vary", Some("Origin"))]);
        }
    }
}

#[test]
fn bare_names_are_origins_too() {
    for (case, origins, asker, want) in [
        ("plain", json!(["example.test", "example.org"]), "example.test", true),
        ("with a scheme", json!(["example.test", "example.org"]), "http://example.test", false),
        ("a pattern with a colon", json!([r".*\.?example(?:-foo)?.test"]), "www.example-foo.test", true),
        ("the pattern again", json!([r".*\.?example(?:-foo)?.test"]), "www.example-fo0.test", false),
        ("null", json!(["null", "b"]), "null", true),
    ] {
        let get = Request::get("/").header("origin", asker);
        let found = responded(&json!({ "origins": origins }), &get, Headers::default());
        check(case, &found, &[(ORIGIN, want.then_some(asker)), ("vary", Some("Origin"))]);
    }
}

const DEFAULT_METHODS: &str = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT";

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_preflight_is_answered() {
    let full = json!({
        "origins": ["example.test"], "methods": ["GET"], "headers": ["origin", "type", "accepts"],
        "exposed_headers": ["x-auth-token"], "max_age": 23, "credentials": true
    });
    let wishes = preflight("http://a.test").header("access-control-request-headers", "origin,accepts");
    let private = preflight("http://a.test").header("access-control-request-private-network", "true");
    for (case, config, request, want) in [
        (
            "Kong's defaults",
            json!({}),
            preflight("http://a.test"),
            vec![
                (ORIGIN, Some("*")),
                (METHODS, Some(DEFAULT_METHODS)),
                (HEADERS, None),
                (MAX_AGE, None),
                ("vary", None),
            ],
        ),
        ("an empty list", json!({"origins": []}), preflight("a"), vec![(ORIGIN, Some("*")), ("vary", None)]),
        (
            "all that can be said",
            full,
            preflight("http://a.test"),
            vec![
                (ORIGIN, Some("example.test")),
                (METHODS, Some("GET")),
                (HEADERS, Some("origin,type,accepts")),
                (MAX_AGE, Some("23")),
                (CREDENTIALS, Some("true")),
                (EXPOSED, None),
                ("vary", Some("Origin")),
            ],
        ),
        (
            "all, with credentials",
            json!({"origins": ["*"], "credentials": true}),
            preflight("origin5.test"),
            vec![(ORIGIN, Some("origin5.test")), (CREDENTIALS, Some("true")), ("vary", Some("Origin"))],
        ),
        (
            "all among others",
            json!({"origins": ["foo.bar", "*"]}),
            preflight("http://a.test"),
            vec![(ORIGIN, Some("*")), (CREDENTIALS, None), ("vary", Some("Origin"))],
        ),
        ("the headers asked for", json!({}), wishes, vec![(HEADERS, Some("origin,accepts"))]),
        (
            "headers of the operator's empty list",
            json!({"headers": []}),
            preflight("a"),
            vec![(HEADERS, None)],
        ),
        (
            "no methods named",
            json!({"methods": null}),
            preflight("a"),
            vec![(METHODS, Some(DEFAULT_METHODS))],
        ),
        ("half a second", json!({"max_age": 0.5}), preflight("a"), vec![(MAX_AGE, Some("0.5"))]),
        (
            "a private network",
            json!({"private_network": true}),
            private.clone(),
            vec![(NETWORK, Some("true"))],
        ),
        ("not that of Kong's default", json!({}), private, vec![(NETWORK, None)]),
        ("not asked for", json!({"private_network": true}), preflight("a"), vec![(NETWORK, None)]),
    ] {
        check(case, &answered(&config, &request), &want);
    }
}

#[test]
fn what_is_no_preflight_goes_on() {
    let with_method = |request: Request| request.header("access-control-request-method", "GET");
    for (case, request) in [
        ("no method asked for", Request::new("OPTIONS", "/").header("origin", "http://a.test")),
        ("no origin", with_method(Request::new("OPTIONS", "/"))),
        ("an empty origin", with_method(Request::new("OPTIONS", "/").header("origin", ""))),
        ("another method", with_method(Request::get("/").header("origin", "http://a.test"))),
    ] {
        let found = responded(&json!({}), &request, Headers::default());
        check(case, &found, &[(ORIGIN, Some("*")), (METHODS, None), (HEADERS, None), ("vary", None)]);
    }
    let passed_on = json!({"preflight_continue": true, "credentials": true, "origins": ["http://a.test"]});
    let found = responded(&passed_on, &preflight("http://a.test"), Headers::default());
    assert_eq!(found, Headers::default(), "the upstream says it all");
}

#[test]
fn a_response_says_who_may_read_it() {
    let get = || Request::get("/");
    let from = |origin: &str| get().header("origin", origin);
    let lists = json!({"origins": ["a.xxx.test", "allowed.test"], "credentials": true, "exposed_headers": ["x-a", "x-b"]});
    let all = json!({"origins": ["*"], "credentials": true});
    for (case, config, request, want) in [
        ("no origin asked for", json!({}), get(), vec![(ORIGIN, Some("*")), ("vary", Some("Accept"))]),
        (
            "allowed",
            lists.clone(),
            from("allowed.test"),
            vec![(ORIGIN, Some("allowed.test")), (CREDENTIALS, Some("true")), (EXPOSED, Some("x-a,x-b"))],
        ),
        ("not allowed", lists.clone(), from("other.test"), vec![(ORIGIN, None), (CREDENTIALS, Some("true"))]),
        ("no origin for a list", lists.clone(), get(), vec![(ORIGIN, None), (EXPOSED, Some("x-a,x-b"))]),
        ("no text", lists, get().header("origin", b"allowed.test\xff".as_slice()), vec![(ORIGIN, None)]),
        (
            "with credentials the origin is named, with its port",
            all.clone(),
            from("http://a.test:80"),
            vec![(ORIGIN, Some("http://a.test:80")), (CREDENTIALS, Some("true"))],
        ),
        (
            "with credentials, but without an origin",
            all,
            get(),
            vec![(ORIGIN, Some("*")), (CREDENTIALS, None)],
        ),
        ("all among others, unasked", json!({"origins": ["a", "*"]}), get(), vec![(ORIGIN, None)]),
        (
            "one plain origin, unasked",
            json!({"origins": ["example.test"]}),
            get(),
            vec![(ORIGIN, Some("example.test"))],
        ),
    ] {
        let mut upstream = Headers::default();
        upstream.add("vary", "Accept");
        upstream.add(ORIGIN, "http://of.upstream");
        check(case, &responded(&config, &request, upstream), &want);
    }
    let mut upstream = Headers::default();
    upstream.add("vary", "Accept-Encoding");
    let found = responded(&json!({"origins": ["example.test"]}), &from("example.test"), upstream);
    assert_eq!(found.all("vary"), ["Accept-Encoding", "Origin"], "the upstream's stays");
}

#[test]
fn responses_of_others_are_readable_too() {
    let config = json!({"origins": ["http://a.test", "b"], "exposed_headers": ["x-a"]});
    let refused = Response::new(403);
    let get = Request::get("/").header("origin", "http://a.test");
    let found = tester(&config).response_head(&get, &refused).headers;
    check(
        "another plugin answered first",
        &found,
        &[(ORIGIN, Some("http://a.test")), (EXPOSED, Some("x-a"))],
    );
    let asks = preflight("http://a.test");
    let found = tester(&config).response_head(&asks, &refused).headers;
    check("a preflight as well", &found, &[(ORIGIN, Some("http://a.test"))]);
    let complete = Response::new(200).header(METHODS, "GET");
    let found = tester(&config).response_head(&asks, &complete).headers;
    check(
        "this plugin's answer is left as it is",
        &found,
        &[(ORIGIN, None), (EXPOSED, None), ("vary", None)],
    );
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for (case, config, pointer, message) in [
        (
            "no regular expression",
            json!({"origins": [".*.example.com", "invalid_**regex"]}),
            "/origins/1",
            "'invalid_**regex' is not a valid regex",
        ),
        (
            "one that is not linear",
            json!({"origins": ["*", "(?!evil).*"]}),
            "/origins/1",
            "'(?!evil).*' is not a valid regex",
        ),
        (
            "one that leaves its group",
            json!({"origins": ["a)|(b"]}),
            "/origins/0",
            "'a)|(b' is not a valid regex",
        ),
        (
            "a line break",
            json!({"headers": ["a", "b\r\nc: d"]}),
            "/headers/1",
            "must be the name of a header",
        ),
        ("no ASCII", json!({"exposed_headers": ["é"]}), "/exposed_headers/0", "must be the name of a header"),
    ] {
        let problems = Tester::<Cors>::new(&config).err().unwrap_or_default();
        let found: Vec<_> =
            problems.iter().map(|problem| (problem.pointer.as_str(), problem.message.as_str())).collect();
        assert_eq!(found, [(pointer, message)], "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    let methods: Vec<_> = DEFAULT_METHODS.split(',').collect();
    for (field, default) in [
        ("origins", json!(null)),
        ("headers", json!(null)),
        ("exposed_headers", json!(null)),
        ("methods", json!(methods)),
        ("max_age", json!(null)),
        ("credentials", json!(false)),
        ("private_network", json!(false)),
        ("preflight_continue", json!(false)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    assert_eq!(schema["properties"]["methods"]["items"]["enum"], json!(methods));
    assert_eq!(schema["x-forbidden-scopes"], json!(["consumer"]));
}
