//! Bodies and their digests.

use weir_plugin_sdk::RequestBodyVerdict;

use super::*;

const BODY: &[u8] = br#"{"a":"apple"}"#;

fn digest_of(body: &[u8]) -> String {
    format!("SHA-256={}", STANDARD.encode(crypto::hash(Digest::Sha256, body)))
}

fn post(digest: Option<&str>) -> Request {
    let request = Request::new("POST", "/").header("date", NOW);
    match digest {
        Some(digest) => {
            let message = format!("date: {NOW}\ndigest: {digest}");
            request.header("digest", digest).header("authorization", bobs("date digest", &message))
        }
        None => request.header("authorization", dated()),
    }
}

/// What the body phase answers, after the head phase has let the request in.
fn verdict(digest: Option<&str>, body: &[u8]) -> RequestBodyVerdict {
    let mut tester = tester(&json!({"validate_request_body": true}));
    let outcome = tester.request_head(&post(digest));
    let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{outcome:?}") };
    assert!(proceed.identity.is_some());
    assert_ne!(format!("{:?}", proceed.body), "BodyMode::Pass");
    // The pretend host is told the digest; it makes none itself.
    Host::new().body_sha256(&crypto::hash(Digest::Sha256, body)).install();
    tester.request_body(&post(digest), body).verdict.expect("a verdict")
}

#[test]
fn with_a_wrong_body_the_anonymous_consumer_stands_in() {
    let mut tester = tester(&json!({"validate_request_body": true, "anonymous": "guest"}));
    let request = post(Some(&digest_of(BODY)));
    let outcome = tester.request_head(&request);
    assert!(matches!(outcome.verdict, Ok(RequestVerdict::Proceed(_))), "{outcome:?}");
    let guest = Consumer { id: "id-9".into(), username: Some("guest".into()), custom_id: None };
    Host::new().body_sha256(&crypto::hash(Digest::Sha256, b"abc")).consumer(guest).install();
    let outcome = tester.request_body(&request, b"abc");
    let Ok(RequestBodyVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{outcome:?}") };
    let identity = proceed.identity.as_ref().expect("somebody");
    assert_eq!((identity.consumer.as_deref(), identity.anonymous), (Some("id-9"), true));
    assert_eq!(outcome.headers.get("x-credential-identifier"), None);
}

#[test]
fn a_body_has_the_digest_that_was_signed() {
    for (case, digest, body, passes) in [
        ("its digest", Some(digest_of(BODY)), BODY, true),
        ("the digest of another", Some(digest_of(b"abc")), BODY, false),
        ("a body in its place", Some(digest_of(BODY)), b"abc".as_slice(), false),
        ("no digest and no body", None, b"", true),
        ("no digest", None, BODY, false),
        ("the digest of nothing", Some(digest_of(b"")), b"", true),
        ("another digest's name", Some(digest_of(BODY).replace("SHA-256", "sha-256")), BODY, false),
    ] {
        match verdict(digest.as_deref(), body) {
            RequestBodyVerdict::Proceed(proceed) => {
                assert!(passes, "{case}");
                assert_eq!((proceed.body, proceed.edits.len()), (None, 0), "{case}");
            }
            RequestBodyVerdict::Respond(answer) => {
                assert!(!passes, "{case}");
                assert_eq!(answered(&answer), (401, NOT_SAME), "{case}");
                let challenge =
                    answer.headers.first().map(|header| (header.name.as_str(), header.value.as_slice()));
                assert_eq!(challenge, Some(("www-authenticate", b"hmac".as_slice())), "{case}");
            }
        }
    }
}

#[test]
fn a_digest_that_no_body_has_is_refused_at_once() {
    let config = json!({"validate_request_body": true});
    for digest in [format!("{}spoofed", digest_of(BODY)), "SHA-256=".into(), "MD5=abc".into(), String::new()]
    {
        let outcome = call(config.clone(), &post(Some(&digest)));
        assert_eq!(answered(outcome.answer()), (401, NOT_SAME), "{digest}");
    }
    let twice = post(None).header("digest", digest_of(BODY)).header("digest", digest_of(BODY));
    assert_eq!(answered(call(config, &twice).answer()), (401, NOT_SAME));
}

#[test]
fn only_a_request_that_is_let_in_by_its_signature_waits_for_its_body() {
    let anonymous = json!({"validate_request_body": true, "anonymous": "nobody"});
    for (case, config, request) in [
        ("bodies are not looked at", json!({}), post(Some("MD5=abc"))),
        ("the anonymous consumer", anonymous, Request::new("POST", "/")),
    ] {
        let outcome = call(config, &request);
        let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{case}: {outcome:?}") };
        assert!(proceed.identity.is_some(), "{case}");
        assert_eq!(
            (format!("{:?}", proceed.body), &proceed.carry),
            ("BodyMode::Pass".into(), &None),
            "{case}"
        );
    }
}
