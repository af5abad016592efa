//! The rules, against a pretend host; signatures are real in the gateway's own scenarios.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};

use super::*;

const KEY: &str = r#"{"kty":"OKP"}"#;

fn token(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode("signature"))
}

fn host(signed: &str) -> Host {
    let (message, _) = signed.rsplit_once('.').unwrap();
    Host::new().at_unix_ms(1_000_000).signed(KEY, message.as_bytes(), b"signature")
}

fn tester(more: &Value) -> Tester<JwtVerify> {
    let mut config = json!({ "keys": [{ "algorithm": "EdDSA", "key": KEY, "kid": "k1" }] });
    let (config_fields, more) = (config.as_object_mut().unwrap(), more.as_object().unwrap());
    config_fields.extend(more.clone());
    Tester::new(&config).unwrap()
}

fn ask(tester: &mut Tester<JwtVerify>, token: &str) -> Outcome {
    tester.request_head(&Request::get("/").header("authorization", format!("Bearer {token}")))
}

fn refusal(outcome: &Outcome) -> Option<&str> {
    match &outcome.verdict {
        Ok(RequestVerdict::Respond(answer)) => Some(&answer.reason),
        Ok(RequestVerdict::Proceed(_)) | Err(_) => None,
    }
}

#[test]
fn a_token_is_checked_whole() {
    let good = json!({ "alg": "EdDSA", "kid": "k1" });
    let rules = json!({ "issuer": "us", "audience": "api" });
    for (case, header, claims, want) in [
        ("good", good.clone(), json!({"sub": "joe", "iss": "us", "aud": ["x", "api"], "exp": 1001}), None),
        ("expired", good.clone(), json!({"iss": "us", "aud": "api", "exp": 1000}), Some("expired")),
        ("early", good.clone(), json!({"iss": "us", "aud": "api", "nbf": 1001}), Some("not valid yet")),
        ("another issuer", good.clone(), json!({"iss": "them", "aud": "api"}), Some("another issuer")),
        ("another audience", good.clone(), json!({"iss": "us"}), Some("another audience")),
        ("no algorithm", json!({"alg": "none", "kid": "k1"}), json!({}), Some("bad signature")),
        ("another algorithm", json!({"alg": "HS256", "kid": "k1"}), json!({}), Some("bad signature")),
        ("another key", json!({"alg": "EdDSA", "kid": "k2"}), json!({}), Some("bad signature")),
        ("an extension", json!({"alg": "EdDSA", "kid": "k1", "crit": ["x"]}), json!({}), Some("not a token")),
        ("a time that is none", good, json!({"exp": "soon"}), Some("not a token")),
    ] {
        let token = token(&header, &claims);
        host(&token).install();
        let outcome = ask(&mut tester(&rules), &token);
        assert_eq!(refusal(&outcome), want, "{case}");
        assert_eq!(outcome.headers.get("x-jwt-subject").is_some(), want.is_none(), "{case}");
    }
}

#[test]
fn a_cached_token_still_ends() {
    let token = token(&json!({"alg": "EdDSA", "kid": "k1"}), &json!({"sub": "joe", "exp": 1002}));
    host(&token).install();
    let mut tester = tester(&json!({}));
    assert_eq!(refusal(&ask(&mut tester, &token)), None);
    assert_eq!(ask(&mut tester, &token).headers.get("x-jwt-subject"), Some("joe"), "from the cache");
    Host::wait_ms(2000);
    assert_eq!(refusal(&ask(&mut tester, &token)), Some("expired"));
}

#[test]
fn what_no_header_carries_is_refused() {
    let mut tester = tester(&json!({}));
    assert_eq!(refusal(&tester.request_head(&Request::get("/"))), Some("no token"));
    assert_eq!(refusal(&ask(&mut tester, "a.b")), Some("not a token"));
}

#[test]
fn a_key_that_is_none_is_named() {
    let config = json!({ "keys": [{ "algorithm": "RS256", "key": "x" }] });
    let problems = Tester::<JwtVerify>::new(&config).err().unwrap();
    assert_eq!(problems.len(), 1);
    assert!(format!("{problems:?}").contains("/keys/0/key"), "{problems:?}");
}
