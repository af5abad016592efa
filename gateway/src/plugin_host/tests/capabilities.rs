//! The functions of the capabilities, with and without their grants.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::guests::Guest;
use super::{Fixture, spec};
use crate::plugin_host::CapabilityRequest;
use crate::plugin_host::assignment::{Granted, Grants};
use crate::plugin_host::bindings::weir::plugin::crypto::{self, HostPublicKey};
use crate::plugin_host::bindings::weir::plugin::logging::{self, Level};
use crate::plugin_host::bindings::weir::plugin::secrets::{self, HostSecret};
use crate::plugin_host::bindings::weir::plugin::{local_cache, random};
use crate::plugin_host::guest::CallState;

/// What a guest reaches that was granted this, and asked for just that.
pub(in crate::plugin_host) async fn state(fixture: &Fixture, granted: &Value) -> CallState {
    let granted = granted.as_object().unwrap();
    let ask = |name: &String| CapabilityRequest {
        name: name.clone(),
        why: String::new(),
        params_json: String::new(),
    };
    let asked: Vec<_> = granted.keys().map(ask).collect();
    let grants = Grants::resolve(&asked, &Granted::Only(granted)).unwrap();
    let assignment = fixture.assign(Guest::default().build(), &spec()).await;
    let mut core = Arc::clone(&assignment.core);
    drop(assignment);
    // The host watches how assignments fare.
    fixture.host.services().watched.lock().unwrap().clear();
    let inner = Arc::get_mut(&mut core).expect("nobody else holds it");
    let caches = &inner.services.caches;
    inner.cache = grants.local_cache.as_ref().map(|grant| caches.open(grant, "guest"));
    inner.grants = grants;
    let mut state = CallState::new(core, false);
    state.begin(None, 10);
    state
}

fn secret_file() -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "hunter22").unwrap();
    let reference = format!("{{vault://file{}}}", path.display());
    (folder, json!({"key": reference}))
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_secret_never_comes_into_the_log() {
    let fixture = Fixture::new();
    let (_folder, names) = secret_file();
    let mut state = state(&fixture, &json!({"logging": {}, "secrets": {"names": names}})).await;
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(log, || {
        let fields = vec![("key".to_owned(), "=hunter22=".to_owned())];
        logging::Host::log(&mut state, Level::Error, "it is hunter22".into(), fields).unwrap();
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("it is [secret]") && text.contains("=[secret]="), "{text}");
    assert!(!text.contains("hunter22"), "{text}");
}

#[tokio::test]
async fn a_secret_is_used_and_not_seen() {
    let fixture = Fixture::new();
    let (_folder, names) = secret_file();
    for (grant, revealed) in [
        (json!({"secrets": {"names": names}}), false),
        (json!({"secrets": {"names": names, "reveal": ["key"]}}), true),
    ] {
        let mut state = state(&fixture, &grant).await;
        assert!(secrets::Host::open(&mut state, "other".into()).unwrap().is_err(), "another name");
        let mut open = || secrets::Host::open(&mut state, "key".into()).unwrap().unwrap();
        let [one, two, three] = [open(), open(), open()];
        let mac = HostSecret::hmac_sha256(&mut state, one, b"data".to_vec()).unwrap();
        let known = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"hunter22");
        aws_lc_rs::hmac::verify(&known, b"data", &mac).unwrap();
        assert!(HostSecret::equals(&mut state, two, b"hunter22".to_vec()).unwrap());
        assert_eq!(HostSecret::reveal(&mut state, three).unwrap().ok().is_some(), revealed, "{grant}");
    }
}

#[tokio::test]
async fn without_a_grant_nothing_is_reached() {
    let fixture = Fixture::new();
    let mut state = state(&fixture, &json!({})).await;
    assert!(secrets::Host::open(&mut state, "key".into()).unwrap().is_err());
    assert!(local_cache::Host::put(&mut state, "k".into(), vec![], 1000).unwrap().is_err());
    assert!(crypto::Host::hash(&mut state, crypto::Digest::Sha256, vec![]).is_err(), "no way to say so");
    assert!(HostPublicKey::from_jwk(&mut state, "{}".into()).unwrap().is_err());
    assert!(random::Host::bytes(&mut state, 1).is_err());
}

#[tokio::test]
async fn digests_are_those_of_the_standards() {
    use crypto::Digest::{Md5, Sha1, Sha256, Sha384, Sha512};
    let fixture = Fixture::new();
    let mut state = state(&fixture, &json!({"crypto": {}})).await;
    // RFC 1321, A.5; FIPS 180-2, appendices; and RFC 2202 and 4231, second cases.
    for (digest, hash, hmac) in [
        (Md5, "900150983cd24fb0", "750c783e6ab0b503"),
        (Sha1, "a9993e364706816a", "effcdf6ae5eb2fa2"),
        (Sha256, "ba7816bf8f01cfea", "5bdcc146bf60754e"),
        (Sha384, "cb00753f45a35e8b", "af45d2e376484031"),
        (Sha512, "ddaf35a193617aba", "164b7a7bfcf819e2"),
    ] {
        let hex = |bytes: Vec<u8>| bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(crypto::Host::hash(&mut state, digest, b"abc".to_vec()).unwrap()), hash, "{digest:?}");
        let message = b"what do ya want for nothing?".to_vec();
        let mac = crypto::Host::hmac(&mut state, digest, b"Jefe".to_vec(), message).unwrap();
        assert_eq!(hex(mac), hmac, "{digest:?}");
    }
}

#[tokio::test]
async fn work_of_the_host_counts_by_its_size() {
    let fixture = Fixture::new();
    let mut state = state(&fixture, &json!({"crypto": {}, "random": {}})).await;
    let begun = std::time::Instant::now();
    let megabyte = vec![0; 1 << 20];
    let done = (0..1000)
        .take_while(|_| crypto::Host::hash(&mut state, crypto::Digest::Sha512, megabyte.clone()).is_ok())
        .count();
    assert_eq!(done, 15, "65 host calls each, of 1000");
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    state.begin(None, 10);
    assert_ne!(random::Host::bytes(&mut state, 32).unwrap(), random::Host::bytes(&mut state, 32).unwrap());
    assert!(random::Host::bytes(&mut state, 1 << 20).is_err(), "bounded");
}
