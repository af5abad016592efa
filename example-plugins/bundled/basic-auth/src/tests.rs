//! Kong's rules for `basic-auth`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::credentials::{Consumer, Found};
use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, ConfigProblem, HeaderOp, Input, RequestVerdict, Value};

use super::{BasicAuth, KIND};

/// `bob` and `secret`.
const BOB: &str = "Basic Ym9iOnNlY3JldA==";
/// `bob` and `wrong`.
const BOB_WRONG: &str = "Basic Ym9iOndyb25n";
/// `eve` and `secret`; nobody of this name is known.
const EVE: &str = "Basic ZXZlOnNlY3JldA==";
/// `ann` and `a:b`.
const ANN: &str = "Basic YW5uOmE6Yg==";

fn with(host: Host, username: &str, hash: &str) -> Host {
    let (consumer, credential) = (format!("id-of-{username}"), format!("credential-of-{username}"));
    let data = json!({
        "id": credential, "created_at": 1, "consumer": {"id": consumer}, "username": username, "password": hash,
        "tags": null,
    });
    host.credential_data(KIND, username, &data.to_string())
        .consumer(Consumer { id: consumer.clone(), username: Some(username.into()), custom_id: None })
        .credential(KIND, username, Found { consumer, credential, groups: vec!["users".into()] })
}

fn call(config: Json, request: &Request) -> Outcome {
    // SHA-1 over the password and the consumer's id.
    let host = with(Host::new(), "bob", "f241ac774e55ffba9ba61dbf2270dcee6d4ab202");
    let host = with(host, "ann", "2d52da73f42312376eefcdde742c5fb476de5fae");
    host.consumer(Consumer { id: "id-3".into(), username: Some("nobody".into()), custom_id: None }).install();
    Tester::<BasicAuth>::new(&config)
        .unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
        .request_head(request)
}

fn get(proxy: Option<&str>, own: Option<&str>) -> Request {
    let add = |request: Request, name, value: Option<&str>| match value {
        Some(value) => request.header(name, value),
        None => request,
    };
    add(add(Request::get("/"), "Proxy-Authorization", proxy), "Authorization", own)
}

#[test]
fn finds_the_caller_or_says_no_more_than_kong() {
    for (case, request, want) in [
        ("in Authorization", get(None, Some(BOB)), Ok("bob")),
        ("in Proxy-Authorization", get(Some(BOB), None), Ok("bob")),
        ("the proxy's goes first", get(Some(BOB), Some(ANN)), Ok("bob")),
        ("a colon in the password", get(None, Some(ANN)), Ok("ann")),
        ("nobody is known in the proxy's", get(Some(EVE), Some(BOB)), Ok("bob")),
        ("the proxy's is not readable", get(Some("hello"), Some(BOB)), Ok("bob")),
        ("none", get(None, None), Err("no-credentials")),
        ("unreadable", get(None, Some("hello")), Err("unknown-credentials")),
        ("another scheme", get(None, Some("Bearer Ym9iOnNlY3JldA==")), Err("unknown-credentials")),
        ("empty", get(None, Some("")), Err("unknown-credentials")),
        (
            "not UTF-8",
            Request::get("/").header("authorization", b"Basic \xff".to_vec()),
            Err("unknown-credentials"),
        ),
        ("nobody of this name", get(None, Some(EVE)), Err("unknown-credentials")),
        ("a wrong password", get(None, Some(BOB_WRONG)), Err("wrong-password")),
        (
            "a wrong password in the proxy's settles it",
            get(Some(BOB_WRONG), Some(ANN)),
            Err("wrong-password"),
        ),
        ("twice", get(None, Some(BOB)).header("authorization", BOB), Err("duplicate-credentials")),
    ] {
        let outcome = call(json!({}), &request);
        match want {
            Ok(username) => assert_eq!(outcome.headers.get("x-consumer-username"), Some(username), "{case}"),
            Err(reason) => {
                let answer = outcome.answer();
                let told = (answer.status, &answer.body, answer.reason.as_str());
                assert_eq!(told, (401, &AnswerBody::Message("Unauthorized".into()), reason), "{case}");
                let challenge = outcome.response_headers.get("www-authenticate");
                assert_eq!(challenge, Some("Basic realm=\"service\""), "{case}");
            }
        }
    }
}

#[test]
fn the_realm_is_in_the_challenge() {
    let outcome = call(json!({"realm": "acme"}), &Request::get("/"));
    assert_eq!(outcome.response_headers.get("www-authenticate"), Some("Basic realm=\"acme\""));
}

#[test]
fn says_who_the_caller_is_and_names_the_credential_by_its_username() {
    let outcome = call(json!({}), &get(None, Some(BOB)).header("x-consumer-custom-id", "forged"));
    assert_eq!(outcome.headers.get("x-consumer-id"), Some("id-of-bob"));
    assert_eq!(outcome.headers.get("x-consumer-custom-id"), None);
    let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{outcome:?}") };
    let identity = proceed.identity.as_ref().expect("an identity");
    assert_eq!(
        (identity.consumer.as_deref(), identity.credential.as_deref(), identity.groups.as_slice()),
        (Some("id-of-bob"), Some("credential-of-bob"), ["users".to_owned()].as_slice())
    );
    assert_eq!(proceed.edits, [HeaderOp::to_set("x-credential-identifier", "bob")]);
}

#[test]
fn hides_what_was_looked_at_only_if_asked() {
    let hides = json!({"hide_credentials": true});
    for (case, config, request, left) in [
        ("shown", json!({}), get(None, Some(BOB)), [None, Some(BOB)]),
        ("hidden", hides.clone(), get(None, Some(BOB)), [None, None]),
        ("hidden in the proxy's", hides.clone(), get(Some(BOB), None), [None, None]),
        ("the other one is the upstream's", hides.clone(), get(Some(BOB), Some(ANN)), [None, Some(ANN)]),
        ("both were looked at", hides, get(Some(EVE), Some(BOB)), [None, None]),
    ] {
        let headers = call(config, &request).headers;
        assert_eq!(["proxy-authorization", "authorization"].map(|name| headers.get(name)), left, "{case}");
    }
}

#[test]
fn anonymous_stands_in_for_a_failure() {
    for (case, name) in [("by username", "nobody"), ("by id", "id-3")] {
        let config = json!({"anonymous": name, "hide_credentials": true});
        let request = get(None, Some(BOB_WRONG)).header("x-credential-identifier", "forged");
        let outcome = call(config, &request);
        assert_eq!(outcome.headers.get("x-consumer-username"), Some("nobody"), "{case}");
        assert_eq!(outcome.headers.get("x-anonymous-consumer"), Some("true"), "{case}");
        assert_eq!(outcome.headers.get("x-credential-identifier"), None, "{case}");
        assert_eq!(outcome.headers.get("authorization"), None, "{case}");
    }
    let outcome = call(json!({"anonymous": "ghost"}), &Request::get("/"));
    let message = "anonymous consumer ghost is configured but doesn't exist";
    assert_eq!(
        (outcome.answer().status, &outcome.answer().body),
        (500, &AnswerBody::Message(message.into()))
    );
}

#[test]
fn an_earlier_plugin_authenticated_the_request() {
    let request = Request::get("/").fact(&Input::CredentialId, Value::Text("key-1".into()));
    let outcome = call(json!({"anonymous": "nobody"}), &request);
    assert!(
        matches!(&outcome.verdict, Ok(RequestVerdict::Proceed(proceed)) if proceed.identity.is_none()),
        "{outcome:?}"
    );
    let outcome = call(json!({}), &request);
    assert_eq!(outcome.answer().status, 401, "without anonymous every plugin must succeed");
}

#[test]
fn preflight_needs_credentials_too() {
    assert_eq!(call(json!({}), &Request::new("OPTIONS", "/")).answer().status, 401);
}

#[test]
fn a_store_that_is_away_is_a_failure_and_no_verdict() {
    Host::new().credentials_fail("the store is away").install();
    let outcome = Tester::<BasicAuth>::new(&json!({})).unwrap().request_head(&get(None, Some(BOB)));
    assert!(outcome.verdict.as_ref().is_err_and(|failure| failure.retryable), "{outcome:?}");
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for realm in ["a\"b", "a\nb"] {
        let problems = Tester::<BasicAuth>::new(&json!({"realm": realm})).err().unwrap_or_default();
        let pointers: Vec<_> =
            problems.iter().map(|ConfigProblem { pointer, .. }| pointer.as_str()).collect();
        assert_eq!(pointers, ["/realm"], "{realm:?}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, kind, default) in [
        ("anonymous", json!(["string", "null"]), json!(null)),
        ("hide_credentials", json!("boolean"), json!(false)),
        ("realm", json!("string"), json!("service")),
    ] {
        let property = &schema["properties"][field];
        assert_eq!((&property["type"], &property["default"]), (&kind, &default), "{field}");
    }
    assert_eq!(schema["properties"].as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(schema["x-forbidden-scopes"], json!(["consumer"]));
}
