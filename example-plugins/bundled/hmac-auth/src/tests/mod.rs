//! Kong's rules for `hmac-auth`, against the pretend host.

mod bodies;
mod signatures;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use weir_plugin_sdk::credentials::{Consumer, Found};
use weir_plugin_sdk::crypto::{self, Digest};
use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, ConfigProblem, HeaderOp, Input, LocalResponse, RequestVerdict, Value};

use super::{HmacAuth, KIND};

/// When the pretend host's requests begin.
const NOW: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const NOT_VALID: &str = "HMAC signature cannot be verified";
const NOT_SAME: &str = "HMAC signature does not match";
const NOT_DATED: &str =
    "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication";

fn with(host: Host, username: &str, secret: Json) -> Host {
    let (consumer, credential) = (format!("id-of-{username}"), format!("credential-of-{username}"));
    let data =
        json!({"id": credential, "consumer": {"id": consumer}, "username": username, "secret": secret});
    host.credential_data(KIND, username, &data.to_string())
        .consumer(Consumer { id: consumer.clone(), username: Some(username.into()), custom_id: None })
        .credential(KIND, username, Found { consumer, credential, groups: vec![] })
}

fn install() {
    let host = with(Host::new(), "bob", json!("secret"));
    let host = with(with(host, "ann", json!("other")), "empty", json!(null));
    host.consumer(Consumer { id: "id-3".into(), username: Some("nobody".into()), custom_id: None }).install();
}

fn tester(config: &Json) -> Tester<HmacAuth> {
    install();
    Tester::new(config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

fn call(config: Json, request: &Request) -> Outcome {
    tester(&config).request_head(request)
}

/// The header's value for a signature of `message` by `username`.
fn signed(
    username: &str,
    secret: &str,
    (algorithm, digest): (&str, Digest),
    (names, message): (&str, &str),
) -> String {
    let signature = STANDARD.encode(crypto::hmac(digest, secret.as_bytes(), message.as_bytes()));
    format!(
        r#"hmac username="{username}", algorithm="{algorithm}", headers="{names}", signature="{signature}""#
    )
}

/// The same by `bob`, with SHA-1.
fn bobs(names: &str, message: &str) -> String {
    signed("bob", "secret", ("hmac-sha1", Digest::Sha1), (names, message))
}

/// `bob` signs the date, which is enough by default.
fn dated() -> String {
    bobs("date", &format!("date: {NOW}"))
}

fn get() -> Request {
    Request::get("/").header("date", NOW)
}

fn answered(answer: &LocalResponse) -> (u16, &str) {
    let AnswerBody::Message(message) = &answer.body else { panic!("{answer:?}") };
    (answer.status, message)
}

#[test]
fn the_realm_is_in_the_challenge() {
    for (config, challenge) in [(json!({}), "hmac"), (json!({"realm": "acme"}), "hmac realm=\"acme\"")] {
        let outcome = call(config, &get());
        assert_eq!(outcome.response_headers.get("www-authenticate"), Some(challenge));
    }
}

#[test]
fn says_who_the_caller_is_and_names_the_credential_by_its_username() {
    let request = get().header("authorization", dated()).header("x-consumer-custom-id", "forged");
    let outcome = call(json!({}), &request);
    assert_eq!(outcome.headers.get("x-consumer-id"), Some("id-of-bob"));
    assert_eq!(outcome.headers.get("x-consumer-custom-id"), None);
    let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{outcome:?}") };
    let identity = proceed.identity.as_ref().expect("an identity");
    assert_eq!(identity.credential.as_deref(), Some("credential-of-bob"));
    assert_eq!(proceed.edits, [HeaderOp::to_set("x-credential-identifier", "bob")]);
}

#[test]
fn hides_the_signature_only_if_asked() {
    let hides = json!({"hide_credentials": true});
    let signature = dated();
    let (own, proxy) = ("authorization", "proxy-authorization");
    for (case, config, request, left) in [
        ("shown", json!({}), get().header(own, signature.as_str()), [None, Some(signature.as_str())]),
        ("hidden", hides.clone(), get().header(own, signature.as_str()), [None, None]),
        (
            "the other header is the upstream's",
            hides.clone(),
            get().header(own, "hello").header(proxy, signature.as_str()),
            [None, Some("hello")],
        ),
        (
            "one that holds no signature is left",
            hides,
            get().header(own, signature.as_str()).header(proxy, "hello"),
            [Some("hello"), None],
        ),
    ] {
        let headers = call(config, &request).headers;
        assert_eq!([proxy, own].map(|name| headers.get(name)), left, "{case}");
    }
}

#[test]
fn anonymous_stands_in_for_a_failure() {
    for (case, name) in [("by username", "nobody"), ("by id", "id-3")] {
        let outcome = call(json!({"anonymous": name}), &Request::get("/").header("x-consumer-id", "forged"));
        assert_eq!(outcome.headers.get("x-consumer-username"), Some("nobody"), "{case}");
        assert_eq!(outcome.headers.get("x-anonymous-consumer"), Some("true"), "{case}");
    }
    let outcome = call(json!({"anonymous": "nobody"}), &get().header("authorization", dated()));
    assert_eq!(outcome.headers.get("x-consumer-username"), Some("bob"));
    let outcome = call(json!({"anonymous": "ghost"}), &Request::get("/"));
    let message = "anonymous consumer ghost is configured but doesn't exist";
    assert_eq!(answered(outcome.answer()), (500, message));
}

#[test]
fn an_earlier_plugin_authenticated_the_request() {
    let request = Request::get("/").fact(&Input::CredentialId, Value::Text("key-1".into()));
    let outcome = call(json!({"anonymous": "nobody"}), &request);
    assert!(
        matches!(&outcome.verdict, Ok(RequestVerdict::Proceed(proceed)) if proceed.identity.is_none()),
        "{outcome:?}"
    );
    assert_eq!(call(json!({}), &request).answer().status, 401, "without anonymous every plugin must succeed");
}

#[test]
fn a_store_that_is_away_is_a_failure_and_no_verdict() {
    let mut tester = tester(&json!({}));
    Host::new().credentials_fail("the store is away").install();
    let outcome = tester.request_head(&get().header("authorization", dated()));
    assert!(outcome.verdict.as_ref().is_err_and(|failure| failure.retryable), "{outcome:?}");
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for (case, config, pointer) in [
        ("a realm that would break the header", json!({"realm": "a\"b"}), "/realm"),
        ("an algorithm that nobody has", json!({"algorithms": ["hmac-md5"]}), ""),
    ] {
        let problems = Tester::<HmacAuth>::new(&config).err().unwrap_or_default();
        let pointers: Vec<_> =
            problems.iter().map(|ConfigProblem { pointer, .. }| pointer.as_str()).collect();
        assert_eq!(pointers, [pointer], "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    let algorithms = json!(["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"]);
    for (field, kind, default) in [
        ("hide_credentials", json!("boolean"), json!(false)),
        ("clock_skew", json!(["number", "null"]), json!(300)),
        ("anonymous", json!(["string", "null"]), json!(null)),
        ("validate_request_body", json!("boolean"), json!(false)),
        ("enforce_headers", json!(["array", "null"]), json!([])),
        ("algorithms", json!(["array", "null"]), algorithms.clone()),
        ("realm", json!(["string", "null"]), json!(null)),
    ] {
        let property = &schema["properties"][field];
        assert_eq!((&property["type"], &property["default"]), (&kind, &default), "{field}");
    }
    assert_eq!(schema["properties"].as_object().map(serde_json::Map::len), Some(7));
    assert_eq!(schema["properties"]["clock_skew"]["exclusiveMinimum"], json!(0));
    assert_eq!(schema["properties"]["algorithms"]["items"]["enum"], algorithms);
    assert_eq!(schema["x-forbidden-scopes"], json!(["consumer"]));
}
