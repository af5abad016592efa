//! Registries that send a puller elsewhere.

use std::sync::{Arc, Mutex};

use gateway_tests::{Seen, Upstream};
use http::Response;
use http_body_util::Full;
use secrecy::SecretString;
use serde_json::json;
use tokio::runtime::Handle;

use super::*;
use crate::client::{Connect, FetchError, Tls, TlsDefaults};

/// `user:password`, in base64.
const PAIR: &str = "dXNlcjpwYXNzd29yZA==";
const COMPONENT: &[u8] = b"a component";

type Answer = Response<Full<Bytes>>;

fn fetcher() -> Fetcher {
    Fetcher::new(Connect::new(Tls::new(TlsDefaults::default()).unwrap()), Handle::current())
}

fn answer(status: StatusCode, header: Option<(http::HeaderName, String)>, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    if let Some((name, value)) = header {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}

fn manifest() -> Vec<u8> {
    let config = "application/vnd.wasm.config.v0+json";
    let layer = json!({ "mediaType": "application/wasm", "digest": format!("sha256:{}", sha256(COMPONENT)),
        "size": COMPONENT.len() });
    json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": [layer],
        "config": { "mediaType": config, "size": 2, "digest": format!("sha256:{}", sha256(b"{}")) } })
    .to_string()
    .into_bytes()
}

fn authorized(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| seen.headers.contains_key(AUTHORIZATION)).count()
}

/// A registry that wants a token, which it gives for the pair, and sends who asks for a blob to `elsewhere`.
async fn registry(elsewhere: impl Fn() -> String + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |seen| {
        let said = |name| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (own, who) = (said(http::header::HOST), said(AUTHORIZATION));
        if seen.target.starts_with("/token") {
            assert_eq!(who, format!("Basic {PAIR}"));
            return answer(StatusCode::OK, None, json!({ "token": "t0ken" }).to_string());
        }
        if who != "Bearer t0ken" {
            let challenge = format!("Bearer realm=\"http://{own}/token\",service=\"test\"");
            return answer(StatusCode::UNAUTHORIZED, Some((WWW_AUTHENTICATE, challenge)), "");
        }
        if seen.target.contains("/blobs/") {
            return answer(StatusCode::TEMPORARY_REDIRECT, Some((LOCATION, elsewhere())), "");
        }
        answer(StatusCode::OK, None, manifest())
    })
    .await
    .unwrap()
}

async fn pull(registry: &Upstream) -> Result<Pulled, PullError> {
    let host = registry.address().to_string();
    let reference = format!("{host}/team/p@sha256:{}", sha256(&manifest()));
    let settings = RegistrySettings {
        allowed: vec![Registry { host: host.clone(), plain: true }],
        credentials: [(host, SecretString::from(PAIR))].into(),
        max_bytes: 1 << 20,
    };
    Puller::new(fetcher(), settings).pull(&reference).await
}

#[tokio::test]
async fn who_asks_is_told_to_the_registry_alone() {
    let store = Upstream::start(|_| answer(StatusCode::OK, None, COMPONENT)).await.unwrap();
    let place = format!("{}/blob", store.url());
    let registry = registry(move || place.clone()).await;
    assert_eq!(pull(&registry).await.unwrap(), COMPONENT);
    assert_eq!((store.seen().len(), authorized(&store.seen())), (1, 0), "where the blob is");
    assert!(authorized(&registry.seen()) >= 3, "token, manifest and blob");
}

#[tokio::test]
async fn a_place_that_the_registry_points_to_cannot_ask_for_the_password() {
    let own = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&own);
    let thief = Upstream::start(move |seen| match seen.target.starts_with("/token") {
        true => answer(StatusCode::OK, None, json!({ "token": "x" }).to_string()),
        false => {
            let realm = format!("Bearer realm=\"{}/token\",service=\"test\"", known.lock().unwrap());
            answer(StatusCode::UNAUTHORIZED, Some((WWW_AUTHENTICATE, realm)), "")
        }
    })
    .await
    .unwrap();
    *own.lock().unwrap() = thief.url();
    // A registry that asks nobody who they are: the place it points to is the first to ask.
    let place = format!("{}/blob", thief.url());
    let registry = Upstream::start(move |seen| match seen.target.contains("/blobs/") {
        true => answer(StatusCode::FOUND, Some((LOCATION, place.clone())), ""),
        false => answer(StatusCode::OK, None, manifest()),
    })
    .await
    .unwrap();
    let refused = pull(&registry).await.unwrap_err();
    assert!(matches!(refused, PullError::Status { status: 401, .. }), "{refused}");
    assert_eq!((thief.seen().len(), authorized(&thief.seen())), (1, 0), "nothing was told");
}

#[tokio::test]
async fn a_way_without_end_has_one() {
    let registry = registry(|| "/v2/team/p/blobs/again".to_owned()).await;
    let refused = pull(&registry).await.unwrap_err();
    assert!(refused.to_string().contains("from place to place"), "{refused}");
    let blobs = registry.seen().into_iter().filter(|seen| seen.target.contains("/blobs/")).count();
    assert_eq!(blobs, MAX_HOPS);
}

#[tokio::test]
async fn an_encrypted_registry_leads_to_no_private_address_and_to_nothing_plain() {
    let private = Upstream::start(|_| answer(StatusCode::OK, None, COMPONENT)).await.unwrap();
    let registry = Registry { host: "registry.example".into(), plain: false };
    let settings = RegistrySettings { allowed: vec![registry.clone()], ..RegistrySettings::default() };
    let puller = Puller::new(fetcher(), settings);
    let authorization = Some(HeaderValue::from_static("Bearer t0ken"));
    let session = Session { puller: &puller, registry: &registry, authorization };
    for place in [
        format!("https://{}/blob", private.address()),
        format!("https://localhost:{}/blob", private.address().port()),
        "https://169.254.169.254/latest".to_owned(),
        "https://[::ffff:10.0.0.1]/".to_owned(),
    ] {
        let refused = session.follow(session.url(&place).unwrap(), 1000).await.map(drop).unwrap_err();
        assert!(matches!(refused, PullError::Fetch { source: FetchError::Denied, .. }), "{place}: {refused}");
    }
    for place in [private.url(), "file:///etc/passwd".to_owned(), "//10.0.0.1/".to_owned()] {
        assert!(session.url(&place).is_err(), "{place}");
    }
    assert_eq!(private.seen().len(), 0);
}
