//! Kong's rules for `redirect`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, ConfigProblem};

use super::Redirect;

fn call(config: &Json, request: &Request) -> Outcome {
    Tester::<Redirect>::new(config)
        .unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
        .request_head(request)
}

#[test]
fn answers_with_the_status_and_a_body() {
    for (case, config, status) in [
        ("the default", json!({"location": "https://example.com"}), 301),
        ("another", json!({"location": "https://example.com", "status_code": 302}), 302),
    ] {
        let outcome = call(&config, &Request::new("POST", "/status/200"));
        let answer = outcome.answer();
        assert_eq!(
            (answer.status, &answer.body),
            (status, &AnswerBody::Raw(b"redirecting".into())),
            "{case}"
        );
        assert_eq!(outcome.response_headers.get("location"), Some("https://example.com"), "{case}");
    }
}

#[test]
fn the_location_is_the_operators_unless_the_path_is_kept() {
    let some = "https://example.com/some_path?foo=bar";
    for (case, location, keep, target, want) in [
        (
            "as it is",
            "https://example.com/path?foo=bar",
            json!(false),
            "/a?b=c",
            "https://example.com/path?foo=bar",
        ),
        ("as it is written", "HTTPS://Example.com:443", json!(null), "/a", "HTTPS://Example.com:443"),
        ("kept", some, json!(true), "/status/200?keep=this", "https://example.com/status/200?keep=this"),
        ("kept without a query", some, json!(true), "/status", "https://example.com/status"),
        ("kept with an empty query", some, json!(true), "/status?", "https://example.com/status"),
        ("kept, with nothing", some, json!(true), "/", "https://example.com/"),
        ("a port", "https://example.com:8443", json!(true), "/a", "https://example.com:8443/a"),
        (
            "a port that goes without saying",
            "HTTPS://Example.com:443/x",
            json!(true),
            "/a",
            "https://example.com/a",
        ),
        ("another scheme's port", "http://example.com:443/x", json!(true), "/a", "http://example.com:443/a"),
        ("an address", "http://[::1]:80/x", json!(true), "/a", "http://[::1]/a"),
        ("a user", "http://me:secret@example.com/x", json!(true), "/a", "http://me:secret@example.com/a"),
        ("a fragment", "http://example.com/x?y#part", json!(true), "/a?b", "http://example.com/a?b#part"),
        ("a query at once", "http://example.com?x", json!(true), "/a", "http://example.com/a"),
        ("a path that names a host", some, json!(true), "//evil.test/a", "https://example.com/evil.test/a"),
        ("a path that looks like a host", some, json!(true), "/@evil.test", "https://example.com/@evil.test"),
        ("a path with dots", some, json!(true), "/a/../b", "https://example.com/b"),
        (
            "a query is escaped",
            some,
            json!(true),
            "/a?b='<\u{f8}>&c=%20+",
            "https://example.com/a?b=%27%3C%C3%B8%3E&c=%20+",
        ),
    ] {
        let config = json!({"location": location, "keep_incoming_path": keep});
        let outcome = call(&config, &Request::get(target));
        assert_eq!(outcome.response_headers.get("location"), Some(want), "{case}");
    }
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    let (host, scheme) = ("missing host in url", "missing scheme in url");
    let ascii = "the host must be written as a name in ASCII (xn--...) or as an address";
    for (case, location, keep, want) in [
        ("no URL", "definitely_not_a_url", false, Some(host)),
        ("a path", "/path", false, Some(host)),
        ("no host", "https:///path", false, Some(host)),
        ("a port alone", "https://:80/path", false, Some(host)),
        ("no authority", "mailto:me@example.com", false, Some(host)),
        ("no scheme", "//example.com/path", false, Some(scheme)),
        ("a broken scheme", "ht_tp://example.com", false, Some(host)),
        ("a line break", "https://example.com/\r\nx: y", false, Some("must not contain control characters")),
        ("another script", "https://ex\u{e4}mple.com", false, None),
        ("another script in a URL that changes", "https://ex\u{e4}mple.com", true, Some(ascii)),
        ("an escape in a host that changes", "https://ex%41mple.com", true, Some(ascii)),
        ("no number for a port", "https://example.com:a", true, Some(ascii)),
    ] {
        let config = json!({"location": location, "keep_incoming_path": keep});
        let problems = Tester::<Redirect>::new(&config).err().unwrap_or_default();
        let found: Vec<_> =
            problems.iter().map(|problem| (problem.pointer.as_str(), problem.message.as_str())).collect();
        assert_eq!(found, want.map(|message| ("/location", message)).as_slice(), "{case}");
    }
    let config = json!({"location": "https://example.com", "status_code": 199});
    let problems = Tester::<Redirect>::new(&config).err().unwrap_or_default();
    let pointers: Vec<_> = problems.iter().map(|ConfigProblem { pointer, .. }| pointer.as_str()).collect();
    assert_eq!(pointers, ["/status_code"], "an answer that ends nothing");
    assert!(Tester::<Redirect>::new(&json!({})).is_err(), "the location is required");
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [("status_code", json!(301)), ("keep_incoming_path", json!(false))] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    assert_eq!(schema["properties"]["location"].get("default"), None);
    assert_eq!(schema["required"], json!(["location"]));
    let status = &schema["properties"]["status_code"];
    assert_eq!((&status["minimum"], &status["maximum"]), (&json!(100), &json!(599)));
}
