//! Kong's rules for `ip-restriction`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, Input, RequestVerdict, Value};

use super::IpRestriction;

fn call(config: &Json, client: Option<&str>) -> Outcome {
    let client = client.map_or(Value::Absent, |ip| Value::Text(ip.into()));
    let request = Request::get("/").fact(&Input::ClientIp, client);
    Tester::<IpRestriction>::new(config)
        .unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
        .request_head(&request)
}

#[test]
fn lets_in_by_address() {
    for (case, config, client, want) in [
        ("a denied address", json!({"deny": ["127.0.0.1", "127.0.0.2"]}), "127.0.0.1", false),
        ("not the denied address", json!({"deny": ["127.0.0.2"]}), "127.0.0.1", true),
        ("a denied network", json!({"deny": ["127.0.0.0/24"]}), "127.0.0.1", false),
        ("an allowed address", json!({"allow": ["127.0.0.1"]}), "127.0.0.1", true),
        ("not the allowed address", json!({"allow": ["127.0.0.2"]}), "127.0.0.1", false),
        ("all of IPv4 allowed", json!({"allow": ["0.0.0.0/0"]}), "127.0.0.1", true),
        ("allowed and denied", json!({"allow": ["127.0.0.1"], "deny": ["127.0.0.1"]}), "127.0.0.1", false),
        (
            "denied within an allowed network",
            json!({"allow": ["127.0.0.0/24"], "deny": ["127.0.0.1"]}),
            "127.0.0.1",
            false,
        ),
        (
            "an allowed network beside a denied address",
            json!({"allow": ["127.0.0.0/24"], "deny": ["127.0.0.1"]}),
            "127.0.0.2",
            true,
        ),
        ("an empty list allows all", json!({"allow": [], "deny": ["127.0.0.2"]}), "127.0.0.1", true),
        ("a denied address of IPv6", json!({"deny": ["::1", "::2"]}), "::1", false),
        ("a denied network of IPv6", json!({"deny": ["fe80::/8"]}), "fe80::1", false),
        ("all of IPv6 allowed", json!({"allow": ["::/0"]}), "::1", true),
        ("an allowed address of IPv6", json!({"allow": ["::1"], "deny": ["::1/128"]}), "::1", false),
        ("IPv4 written as IPv6", json!({"deny": ["127.0.0.0/24"]}), "::ffff:127.0.0.1", false),
    ] {
        let outcome = call(&config, Some(client));
        assert_eq!(matches!(outcome.verdict, Ok(RequestVerdict::Proceed(_))), want, "{case}: {outcome:?}");
    }
}

#[test]
fn a_refusal_has_the_status_and_the_message_of_the_operator() {
    let cannot = "Cannot identify the client IP address, unix domain sockets are not supported.";
    for (case, config, client, status, message) in [
        (
            "Kong's own",
            json!({"deny": ["::/0"]}),
            Some("2001:DB8::1"),
            403,
            "IP address not allowed: 2001:db8::1",
        ),
        (
            "the operator's",
            json!({"deny": ["127.0.0.0/24"], "status": 401, "message": "Forbidden"}),
            Some("127.0.0.1"),
            401,
            "Forbidden",
        ),
        ("no address", json!({"deny": ["::1"], "status": 401, "message": "Forbidden"}), None, 403, cannot),
        ("no readable address", json!({"deny": ["::1"]}), Some("unix:"), 403, cannot),
    ] {
        let outcome = call(&config, client);
        let answer = outcome.answer();
        assert_eq!((answer.status, &answer.body), (status, &AnswerBody::Message(message.into())), "{case}");
    }
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    let bad = |text: &str| format!("invalid ip or cidr range: '{text}'");
    for (case, config, want) in [
        ("no address", json!({"allow": ["127.0.0.1", "hello"]}), vec![("/allow/1", bad("hello"))]),
        (
            "both lists",
            json!({"allow": ["::/129"], "deny": ["0.0.0.0/33"]}),
            vec![("/allow/0", bad("::/129")), ("/deny/0", bad("0.0.0.0/33"))],
        ),
        (
            "a status that is none",
            json!({"deny": ["::1"], "status": 99}),
            vec![("/status", "must be a status from 200 to 599".into())],
        ),
    ] {
        let problems = Tester::<IpRestriction>::new(&config).err().unwrap_or_default();
        let found: Vec<_> =
            problems.iter().map(|problem| (problem.pointer.as_str(), problem.message.clone())).collect();
        assert_eq!(found, want, "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for field in ["allow", "deny", "status", "message"] {
        assert_eq!(schema["properties"][field]["default"], json!(null), "{field}");
    }
    assert_eq!(schema["x-checks"], json!([{"at_least_one_of": ["allow", "deny"]}]));
}
