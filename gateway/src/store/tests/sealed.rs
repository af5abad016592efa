//! Secrets sealed where they are kept.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::sealing::{KEYED, Keyring};
use crate::store::{Changes, Lookup, PageQuery, StoreError, Unlocked, kinds_with_secrets};

const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "new:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
/// The name of the old key with another key.
const WRONG: &str = "old:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

const KEYS: &str = "keyauth_credentials";

/// Databases that more than one gateway may open.
macro_rules! on_each_lasting_database {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::store::tests::Fresh::sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(crate::store::tests::Fresh::postgres().await).await; })+
        }
    };
}

on_each_lasting_database!(
    what_is_written_with_keys_reads_as_before,
    what_was_written_before_is_sealed_later,
    keys_change_one_after_the_other,
    missing_and_wrong_keys_are_refused,
    a_cluster_waits_for_the_word,
);

/// Another gateway on the same database, with keys.
async fn keyed(fresh: &Fresh, keys: &str) -> Store {
    let keys = Arc::new(Keyring::parse(keys).unwrap());
    Store::connect_with(&fresh.settings, Some(keys)).await.unwrap()
}

async fn unlock(store: &Store) -> Result<Unlocked, StoreError> {
    let folder = tempfile::tempdir().unwrap();
    store.unlock(&folder.path().join("index.key")).await
}

/// A credential as its kind describes it.
fn real(number: u128, key: &str) -> Record {
    let document = credential(number, 1, key).document;
    crate::model::kind(KEYS).unwrap().record(document).unwrap()
}

fn assignment(number: u128) -> Record {
    record("plugins", number, &json!({ "name": "a", "config": { "token": "s3cret", "on": true } }))
}

async fn found(store: &Store, key: &str) -> Option<serde_json::Value> {
    let found = store.find(KEYS, &Lookup::key("key", key)).await.unwrap();
    found.map(|document| document["key"].clone())
}

async fn seal(store: &Store) -> (usize, usize) {
    store.begin_sealing().await.unwrap();
    let (mut sealed, mut locked) = (0, 0);
    for kind in kinds_with_secrets() {
        let mut after = None;
        loop {
            let batch = store.seal(kind, after, 2).await.unwrap();
            (sealed, locked) = (sealed + batch.sealed, locked + batch.locked);
            after = batch.next;
            if after.is_none() {
                break;
            }
        }
    }
    store.end_sealing().await.unwrap();
    (sealed, locked)
}

async fn what_is_written_with_keys_reads_as_before(fresh: Fresh) {
    let store = keyed(&fresh, OLD).await;
    assert_eq!(unlock(&store).await.unwrap(), Unlocked::Sealing, "nothing was stored");
    store.insert(consumer(1, "joe")).await.unwrap();
    store.insert(real(1, "hunter22")).await.unwrap();
    store.insert(assignment(1)).await.unwrap();
    assert_eq!(found(&store, "hunter22").await, Some(json!("hunter22")));
    assert_eq!(found(&store, "hunter23").await, None);
    let again = store.insert(real(2, "hunter22")).await.unwrap_err();
    assert!(matches!(again, StoreError::Conflict { value, .. } if value == "hunter22"));
    let page = store.page(KEYS, &PageQuery { size: 10, ..PageQuery::default() }).await.unwrap();
    assert_eq!(page.documents[0]["key"], "hunter22");
    let catalog = store.read_catalog(&["plugins"]).await.unwrap();
    assert_eq!(catalog.documents["plugins"][0]["config"], json!({ "token": "s3cret", "on": true }));
    let Changes::Entries(told) = store.changes_since(0, 10).await.unwrap() else { panic!("all are told") };
    let keys: Vec<_> = told[1].keys.iter().map(|key| key.value.clone()).collect();
    assert!(keys.iter().all(|key| key.starts_with(KEYED)), "{keys:?}");
    assert_eq!(keys[0], store.key_text(KEYS, "key", "hunter22"), "a cache knows it by the same text");
    assert_eq!(found(&store, &keys[0]).await, None, "the hash of a key is not the key");
    let plain = &fresh.store;
    let refused = plain.find(KEYS, &Lookup::Id(id(1))).await.unwrap_err();
    assert!(matches!(refused, StoreError::BadRow { .. }), "{refused}");
    assert!(plain.find("consumers", &Lookup::Id(id(1))).await.unwrap().is_some(), "no secret in it");
    let refused = plain.insert(consumer(2, "ann")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Sealed(_)), "it could not seal: {refused}");
    store.replace(real(1, "hunter33")).await.unwrap();
    assert_eq!(found(&store, "hunter22").await, None);
    assert_eq!(found(&store, "hunter33").await, Some(json!("hunter33")));
    store.delete(KEYS, id(1)).await.unwrap();
    assert_eq!(found(&store, "hunter33").await, None);
}

async fn what_was_written_before_is_sealed_later(fresh: Fresh) {
    let long = "k".repeat(2_000);
    fresh.store.insert(consumer(1, "joe")).await.unwrap();
    for (number, key) in (1..).zip(["a-key", "b-key", "c-key", &long]) {
        fresh.store.insert(real(number, key)).await.unwrap();
    }
    fresh.store.insert(assignment(1)).await.unwrap();
    let store = keyed(&fresh, OLD).await;
    unlock(&store).await.unwrap();
    for key in ["a-key", &long] {
        assert_eq!(found(&store, key).await, Some(json!(key)), "found although it is not sealed");
        let refused = store.insert(real(9, key)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Conflict { .. }), "{refused}");
    }
    let kept = store.kept_secrets(KEYS).await.unwrap();
    assert_eq!(kept, [(None, 4)].into());
    let since = store.revision().await.unwrap();
    assert_eq!(seal(&store).await, (5, 0));
    assert_eq!(store.revision().await.unwrap(), since, "no content was changed");
    assert_eq!(store.kept_secrets(KEYS).await.unwrap(), [(Some("old".to_owned()), 4)].into());
    assert_eq!(store.changes_since(0, 10).await.unwrap(), Changes::TooOld, "the feed held keys");
    assert_eq!(store.changes_since(since, 10).await.unwrap(), Changes::Entries(vec![]));
    for key in ["a-key", "c-key", &long] {
        assert_eq!(found(&store, key).await, Some(json!(key)));
    }
    assert_eq!(seal(&store).await, (0, 0), "doing it twice is doing it once");
}

async fn keys_change_one_after_the_other(fresh: Fresh) {
    let first = keyed(&fresh, OLD).await;
    unlock(&first).await.unwrap();
    first.insert(consumer(1, "joe")).await.unwrap();
    first.insert(real(1, "hunter22")).await.unwrap();
    let both = keyed(&fresh, &format!("{NEW},{OLD}")).await;
    unlock(&both).await.unwrap();
    assert_eq!(found(&both, "hunter22").await, Some(json!("hunter22")));
    both.insert(real(2, "swordfish")).await.unwrap();
    let kept = both.kept_secrets(KEYS).await.unwrap();
    assert_eq!(kept, [(Some("new".to_owned()), 1), (Some("old".to_owned()), 1)].into());
    assert_eq!(seal(&both).await, (1, 0));
    let last = keyed(&fresh, NEW).await;
    assert_eq!(unlock(&last).await.unwrap(), Unlocked::Sealing);
    for key in ["hunter22", "swordfish"] {
        assert_eq!(found(&last, key).await, Some(json!(key)), "the old key is no longer needed");
    }
}

async fn missing_and_wrong_keys_are_refused(fresh: Fresh) {
    let store = keyed(&fresh, OLD).await;
    unlock(&store).await.unwrap();
    store.insert(consumer(1, "joe")).await.unwrap();
    store.insert(real(1, "hunter22")).await.unwrap();
    let text = |refused: Result<Unlocked, StoreError>| refused.unwrap_err().to_string();
    let none = text(unlock(&fresh.second().await).await);
    assert!(none.contains("`old`") && none.contains("encryption_keys is not set"), "{none}");
    let other = text(unlock(&keyed(&fresh, NEW).await).await);
    assert!(other.contains("`old`, which is not among those given"), "{other}");
    let wrong = text(unlock(&keyed(&fresh, WRONG).await).await);
    assert!(wrong.contains("does not open with the key `old`"), "{wrong}");
    assert_eq!(found(&store, "hunter22").await, Some(json!("hunter22")), "nothing is lost");
}

async fn a_cluster_waits_for_the_word(fresh: Fresh) {
    fresh.store.insert(consumer(1, "joe")).await.unwrap();
    fresh.store.insert(real(1, "before")).await.unwrap();
    let store = keyed(&fresh, OLD).await;
    let unlocked = unlock(&store).await.unwrap();
    if !store.is_shared() {
        assert_eq!(unlocked, Unlocked::Sealing, "nobody else uses the file");
        return;
    }
    assert_eq!(unlocked, Unlocked::Waiting);
    store.insert(real(2, "meanwhile")).await.unwrap();
    assert_eq!(found(&fresh.store, "meanwhile").await, Some(json!("meanwhile")), "another node can read it");
    assert_eq!(seal(&store).await, (2, 0));
    assert_eq!(unlock(&keyed(&fresh, OLD).await).await.unwrap(), Unlocked::Sealing);
    assert_eq!(found(&store, "before").await, Some(json!("before")));
}

#[tokio::test]
async fn the_key_of_the_indexes_is_known_while_the_database_is_away() {
    let fresh = Fresh::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("made/index.key");
    let store = keyed(&fresh, OLD).await;
    store.unlock(&kept).await.unwrap();
    let nowhere = StoreSettings::Url(SecretString::from("postgres://a@127.0.0.1:1/b"));
    let away = Store::connect_with(&nowhere, Some(Arc::new(Keyring::parse(OLD).unwrap()))).await.unwrap();
    assert_ne!(away.key_text(KEYS, "key", "hunter22"), store.key_text(KEYS, "key", "hunter22"));
    assert!(away.unlock(&kept).await.unwrap_err().is_unavailable());
    assert_eq!(away.key_text(KEYS, "key", "hunter22"), store.key_text(KEYS, "key", "hunter22"));
}

#[test]
fn what_is_secret_is_said_by_the_kinds() {
    let all: Vec<_> =
        kinds_with_secrets().map(|kind| format!("{}: {}", kind.name, kind.secrets().join(" "))).collect();
    assert_eq!(
        all,
        [
            "certificates: key key_alt",
            "keys: jwk pem.private_key",
            "plugins: config",
            "basicauth_credentials: password",
            "hmacauth_credentials: secret",
            "jwt_secrets: secret",
            "keyauth_credentials: key",
            "oauth2_credentials: client_secret",
            "oauth2_authorization_codes: code",
            "oauth2_tokens: access_token refresh_token",
        ]
    );
}
