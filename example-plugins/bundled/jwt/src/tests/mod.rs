//! Kong's rules for `jwt`, against the pretend host.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use weir_plugin_sdk::credentials::{Consumer, Found};
use weir_plugin_sdk::crypto::{Digest, hmac};
use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, HeaderOp, Input, RequestVerdict, Value};

use super::{Jwt, KIND};

mod places;
mod time;

const NOW: u64 = 1_700_000_000;
const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";

fn part(value: &Json) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed_with(secret: &str, header: &Json, claims: &Json) -> String {
    let text = format!("{}.{}", part(header), part(claims));
    let digest = match header["alg"].as_str() {
        Some("HS384") => Digest::Sha384,
        Some("HS512") => Digest::Sha512,
        _ => Digest::Sha256,
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac(digest, secret.as_bytes(), text.as_bytes())))
}

/// A token of alice's.
fn token(claims: &Json) -> String {
    let mut all = json!({ "iss": "alice-key" });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    signed_with("secret", &json!({ "alg": "HS256", "typ": "JWT" }), &all)
}

/// A token whose signature is `signature`.
fn stamped(header: &Json, claims: &Json) -> String {
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode("signature"))
}

/// Knows a credential of each of these keys with these fields, and its owner.
fn host(credentials: &[(&str, Json)]) -> Host {
    let nobody = Consumer { id: "id-0".into(), username: Some("nobody".into()), custom_id: None };
    let mut host = Host::new().at_unix_ms(NOW * 1000).consumer(nobody);
    for (key, fields) in credentials {
        let owner = key.trim_end_matches("-key");
        let (id, credential) = (format!("id-{owner}"), format!("credential-{owner}"));
        let mut data = json!({ "id": credential, "key": key });
        data.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        host = host
            .consumer(Consumer { id: id.clone(), username: Some(owner.into()), custom_id: None })
            .credential(KIND, key, Found { consumer: id, credential, groups: vec!["staff".into()] })
            .credential_data(KIND, key, &data.to_string());
    }
    host
}

fn known() -> Host {
    host(&[("alice-key", json!({ "algorithm": "HS256", "secret": "secret" }))])
}

fn tester(config: &Json) -> Tester<Jwt> {
    Tester::new(config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

fn with(token: &str) -> Request {
    Request::get("/").header("authorization", format!("Bearer {token}"))
}

/// The body of a refusal, or the name of the consumer.
fn said(outcome: &Outcome) -> Result<&str, String> {
    match &outcome.verdict {
        Ok(RequestVerdict::Proceed(_)) => Ok(outcome.headers.get("x-consumer-username").unwrap_or_default()),
        Ok(RequestVerdict::Respond(answer)) => {
            let AnswerBody::Raw(body) = &answer.body else { panic!("{answer:?}") };
            assert_eq!(answer.status, 401);
            Err(String::from_utf8_lossy(body).into_owned())
        }
        Err(failure) => panic!("{failure:?}"),
    }
}

fn message(text: &str) -> Result<&'static str, String> {
    Err(json!({ "message": text }).to_string())
}

#[test]
fn a_token_is_read_and_leads_to_its_credential() {
    let header = json!({ "alg": "HS256" });
    let claims = json!({ "iss": "alice-key" });
    let good = token(&json!({}));
    let (text, signature) = good.rsplit_once('.').unwrap();
    for (case, token, want) in [
        ("good", good.clone(), Ok("alice")),
        ("padded", format!("{good}="), Ok("alice")),
        ("no parts", "abc".into(), message("Bad token; invalid JSON")),
        ("two parts", text.into(), message("Bad token; invalid JSON")),
        ("no base64", format!("%.{}.x", part(&claims)), message("Bad token; invalid JSON")),
        ("no JSON", format!("no-way-this-works{good}"), message("Bad token; invalid JSON")),
        ("a header that is no object", stamped(&json!("x"), &claims), message("Bad token; invalid alg")),
        ("no algorithm", stamped(&json!({}), &claims), message("Bad token; invalid alg")),
        ("algorithm none", stamped(&json!({ "alg": "none" }), &claims), message("Bad token; invalid alg")),
        (
            "algorithm none without a signature",
            format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims)),
            message("Bad token; invalid alg"),
        ),
        (
            "an unknown algorithm",
            stamped(&json!({ "alg": "hs256" }), &claims),
            message("Bad token; invalid alg"),
        ),
        (
            "an extension that must be understood",
            stamped(&json!({ "alg": "HS256", "crit": ["b64"], "b64": false }), &claims),
            message("Bad token; invalid crit"),
        ),
        ("claims that are no object", stamped(&header, &json!([1])), message("Bad token; invalid claims")),
        ("a signature that is no base64", format!("{text}.%"), message("Bad token; invalid signature")),
        ("four parts", format!("{good}.x"), message("Bad token; invalid signature")),
        ("no signature", format!("{text}."), message("Invalid signature")),
        ("half a signature", format!("{text}.{}", &signature[..20]), message("Invalid signature")),
        ("no key", stamped(&header, &json!({})), message("No mandatory 'iss' in claims")),
        (
            "a key that is null",
            stamped(&header, &json!({ "iss": null })),
            message("No mandatory 'iss' in claims"),
        ),
        ("an empty key", stamped(&header, &json!({ "iss": "" })), message("Invalid 'iss' in claims")),
        (
            "a key that is no text",
            stamped(&header, &json!({ "iss": ["a"] })),
            message("Invalid 'iss' in claims"),
        ),
        (
            "an unknown key",
            stamped(&header, &json!({ "iss": "x" })),
            message("No credentials found for given 'iss'"),
        ),
        ("signed with another secret", signed_with("foo", &header, &claims), message("Invalid signature")),
    ] {
        known().install();
        assert_eq!(said(&tester(&json!({})).request_head(&with(&token))), want, "{case}");
    }
}

#[test]
fn the_key_is_a_claim_or_a_field_of_the_header() {
    let signed = |header: &Json, claims: &Json| signed_with("secret", header, claims);
    let plain = json!({ "alg": "HS256" });
    let kid = json!({ "alg": "HS256", "kid": "alice-key" });
    for (case, name, token, want) in [
        ("another claim", "aud", signed(&plain, &json!({ "aud": "alice-key" })), Ok("alice")),
        ("in the header", "kid", signed(&kid, &json!({})), Ok("alice")),
        (
            "the claim wins",
            "kid",
            signed(&kid, &json!({ "kid": "x" })),
            message("No credentials found for given 'kid'"),
        ),
        ("nowhere", "kid", signed(&plain, &json!({})), message("No mandatory 'kid' in claims")),
    ] {
        known().install();
        let outcome = tester(&json!({ "key_claim_name": name })).request_head(&with(&token));
        assert_eq!(said(&outcome), want, "{case}");
    }
}

#[test]
fn each_algorithm_has_its_kind_of_key() {
    let fields =
        |algorithm: &str| json!({ "algorithm": algorithm, "secret": "secret", "rsa_public_key": PEM });
    let claims = json!({ "iss": "alice-key" });
    for name in ["HS256", "HS384", "HS512"] {
        host(&[("alice-key", fields(name))]).install();
        let token = signed_with("secret", &json!({ "alg": name }), &claims);
        assert_eq!(said(&tester(&json!({})).request_head(&with(&token))), Ok("alice"), "{name}");
    }
    let public = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"];
    for name in public {
        let token = stamped(&json!({ "alg": name }), &claims);
        let (text, _) = token.rsplit_once('.').unwrap();
        host(&[("alice-key", fields(name))]).signed(PEM, text.as_bytes(), b"signature").install();
        let mut tester = tester(&json!({}));
        for time in ["first", "the key is known"] {
            assert_eq!(said(&tester.request_head(&with(&token))), Ok("alice"), "{name}: {time}");
        }
        let other = stamped(&json!({ "alg": name }), &json!({ "iss": "alice-key", "admin": true }));
        assert_eq!(said(&tester.request_head(&with(&other))), message("Invalid signature"), "{name}");
    }
}

#[test]
fn an_algorithm_is_the_credentials_and_no_other() {
    let claims = json!({ "iss": "alice-key" });
    let both = |algorithm: Json| json!({ "algorithm": algorithm, "secret": "secret", "rsa_public_key": PEM });
    let hs256 = json!({ "alg": "HS256" });
    for (case, fields, token, want) in [
        ("none is HS256", both(json!(null)), signed_with("secret", &hs256, &claims), Ok("alice")),
        (
            "another digest",
            both(json!("HS512")),
            signed_with("secret", &hs256, &claims),
            message("Invalid algorithm"),
        ),
        (
            "a public key taken for a secret",
            both(json!("RS256")),
            signed_with(PEM, &hs256, &claims),
            message("Invalid algorithm"),
        ),
        (
            "a public key where the secret is missing",
            json!({ "algorithm": "HS256", "rsa_public_key": PEM }),
            signed_with(PEM, &hs256, &claims),
            message("Invalid key/secret"),
        ),
        (
            "an empty secret",
            json!({ "algorithm": "HS256", "secret": "" }),
            signed_with("", &hs256, &claims),
            message("Invalid key/secret"),
        ),
        (
            "no public key",
            json!({ "algorithm": "ES256", "secret": "secret" }),
            stamped(&json!({ "alg": "ES256" }), &claims),
            message("Invalid key/secret"),
        ),
        (
            "a public key that is none",
            json!({ "algorithm": "ES256", "rsa_public_key": "x" }),
            stamped(&json!({ "alg": "ES256" }), &claims),
            message("Invalid key/secret"),
        ),
        (
            "an algorithm that nobody knows",
            both(json!("none")),
            signed_with("secret", &hs256, &claims),
            message("Invalid algorithm"),
        ),
    ] {
        host(&[("alice-key", fields)]).install();
        assert_eq!(said(&tester(&json!({})).request_head(&with(&token))), want, "{case}");
    }
}

#[test]
fn secrets_may_be_in_base64() {
    let claims = json!({ "iss": "alice-key" });
    let raw = b"\xff\xfe\xfdsecret?>";
    let text = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(&claims));
    let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac(Digest::Sha256, raw, text.as_bytes())));
    for (case, secret, want) in [
        ("of the usual alphabet", STANDARD.encode(raw), Ok("alice")),
        ("of the other alphabet", URL_SAFE_NO_PAD.encode(raw), Ok("alice")),
        ("no base64", "%%%".into(), message("Invalid key/secret")),
        ("another", STANDARD.encode("other"), message("Invalid signature")),
    ] {
        host(&[("alice-key", json!({ "algorithm": "HS256", "secret": secret }))]).install();
        let outcome = tester(&json!({ "secret_is_base64": true })).request_head(&with(&token));
        assert_eq!(said(&outcome), want, "{case}");
    }
    let token = stamped(&json!({ "alg": "RS256" }), &claims);
    let signed = |fields: &Json| {
        let (text, _) = token.rsplit_once('.').unwrap();
        host(&[("alice-key", fields.clone())]).signed(PEM, text.as_bytes(), b"signature").install();
        tester(&json!({ "secret_is_base64": true })).request_head(&with(&token))
    };
    let plain = signed(&json!({ "algorithm": "RS256", "rsa_public_key": PEM }));
    assert_eq!(said(&plain), message("Invalid key/secret"), "of public keys too");
    let encoded = signed(&json!({ "algorithm": "RS256", "rsa_public_key": STANDARD.encode(PEM) }));
    assert_eq!(said(&encoded), Ok("alice"));
}

#[test]
fn the_challenge_says_whether_there_was_a_token() {
    for (case, config, request, want) in [
        ("no token", json!({}), Request::get("/"), "Bearer"),
        ("a bad token", json!({}), with("x"), "Bearer error=\"invalid_token\""),
        ("no token, with a realm", json!({ "realm": "acme" }), Request::get("/"), "Bearer realm=\"acme\""),
        (
            "with a realm",
            json!({ "realm": "acme" }),
            with("x"),
            "Bearer realm=\"acme\" error=\"invalid_token\"",
        ),
    ] {
        known().install();
        let outcome = tester(&config).request_head(&request);
        assert_eq!(outcome.response_headers.get("www-authenticate"), Some(want), "{case}");
        let kind = outcome.response_headers.get("content-type");
        assert_eq!(kind, Some("application/json; charset=utf-8"), "{case}");
    }
}

#[test]
fn tells_the_upstream_who_it_is_and_leaves_the_token() {
    known().install();
    let request = with(&token(&json!({})))
        .header("x-credential-identifier", "forged")
        .header("x-consumer-custom-id", "forged")
        .header("x-anonymous-consumer", "true");
    let outcome = tester(&json!({})).request_head(&request);
    let get = |name| outcome.headers.get(name);
    assert_eq!(get("x-consumer-id"), Some("id-alice"));
    assert_eq!(get("x-consumer-username"), Some("alice"));
    assert_eq!((get("x-consumer-custom-id"), get("x-anonymous-consumer")), (None, None));
    assert!(get("authorization").is_some());
    let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{outcome:?}") };
    assert_eq!(proceed.identity.as_ref().unwrap().groups, ["staff"]);
    let named = HeaderOp::to_set("x-credential-identifier", "alice-key");
    assert_eq!(proceed.edits, [named], "its key, not its id");
}

#[test]
fn anonymous_stands_in_for_any_failure() {
    for (case, request) in [
        ("no token", Request::get("/")),
        ("a bad token", with("x")),
        ("an unknown key", with(&stamped(&json!({ "alg": "HS256" }), &json!({ "iss": "x" })))),
    ] {
        known().install();
        let outcome = tester(&json!({ "anonymous": "nobody" })).request_head(&request);
        assert_eq!(said(&outcome), Ok("nobody"), "{case}");
        assert_eq!(outcome.headers.get("x-anonymous-consumer"), Some("true"), "{case}");
        assert_eq!(outcome.headers.get("x-credential-identifier"), None, "{case}");
    }
    let good = with(&token(&json!({})));
    assert_eq!(said(&tester(&json!({ "anonymous": "nobody" })).request_head(&good)), Ok("alice"));
    let outcome = tester(&json!({ "anonymous": "ghost" })).request_head(&Request::get("/"));
    assert_eq!(outcome.answer().status, 500, "the operator's mistake");
}

#[test]
fn other_requests_are_not_asked() {
    known().install();
    let authenticated = Request::get("/").fact(&Input::CredentialId, Value::Text("c".into()));
    for (case, config, request, passes) in [
        ("authenticated before", json!({ "anonymous": "nobody" }), authenticated.clone(), true),
        ("without anonymous every plugin must succeed", json!({}), authenticated, false),
        ("preflight", json!({ "run_on_preflight": false }), Request::new("OPTIONS", "/"), true),
        ("preflight is asked", json!({}), Request::new("OPTIONS", "/"), false),
        ("no preflight", json!({ "run_on_preflight": false }), Request::get("/"), false),
    ] {
        let outcome = tester(&config).request_head(&request);
        let passed =
            matches!(&outcome.verdict, Ok(RequestVerdict::Proceed(proceed)) if proceed.identity.is_none());
        assert_eq!(passed, passes, "{case}: {outcome:?}");
    }
}

#[test]
fn a_store_that_is_away_is_a_failure_and_no_verdict() {
    for config in [json!({}), json!({ "anonymous": "nobody" })] {
        known().credentials_fail("the store is away").install();
        let outcome = tester(&config).request_head(&with(&token(&json!({}))));
        assert!(outcome.verdict.as_ref().is_err_and(|failure| failure.retryable), "{outcome:?}");
    }
}
