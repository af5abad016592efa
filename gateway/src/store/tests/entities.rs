//! One entity: written, found, replaced, expired; and components beside it.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::store::indexed::sha256_hex;
use crate::store::{Change, Lookup, StoreError};

on_each_database!(
    an_entity_is_found_as_it_was_written,
    a_key_that_fits_no_index_is_found_too,
    a_replace_moves_the_keys,
    a_taken_key_or_id_is_named,
    a_link_that_leads_nowhere_is_named,
    a_write_is_all_or_nothing,
    a_replace_after_somebody_elses_is_refused,
    an_expired_entity_is_gone_and_gives_its_key_back,
    a_catalog_is_read_at_one_moment,
    components_are_kept_by_digest,
    migrating_twice_is_migrating_once,
);

async fn an_entity_is_found_as_it_was_written(fresh: Fresh) {
    let store = fresh.store;
    let fields = json!({ "z": 1, "name": "s\u{e9}rvice \u{0} \u{1f600}", "a": [null, 1.5, {"b": true}] });
    let written = record("services", 1, &fields).with_key("name", "one");
    assert_eq!(store.insert(written.clone()).await.unwrap(), 1, "the first write");
    let by_id = store.find("services", &Lookup::Id(id(1))).await.unwrap();
    assert_eq!(by_id.as_ref(), Some(&written.document));
    let fields: Vec<_> = by_id.unwrap().keys().cloned().collect();
    assert_eq!(fields, ["id", "z", "name", "a"], "the fields keep their order");
    assert_eq!(store.find("services", &Lookup::key("name", "one")).await.unwrap(), Some(written.document));
    for (case, kind, lookup) in [
        ("another id", "services", Lookup::Id(id(2))),
        ("another kind", "routes", Lookup::Id(id(1))),
        ("another value", "services", Lookup::key("name", "One")),
        ("another field", "services", Lookup::key("host", "one")),
        ("no value at all", "services", Lookup::key("name", "")),
    ] {
        assert_eq!(store.find(kind, &lookup).await.unwrap(), None, "{case}");
    }
}

async fn a_key_that_fits_no_index_is_found_too(fresh: Fresh) {
    let store = fresh.store;
    for (number, (case, key)) in (1..).zip([
        ("longer than an index entry", "k".repeat(9_000)),
        ("with NUL", "a\0b".to_owned()),
        ("with quotes", "'; DROP TABLE entities; --".to_owned()),
        ("in many bytes", "\u{1f511}".repeat(100)),
    ]) {
        let written = record("keyauth_credentials", number, &json!({ "key": key })).with_key("key", &key);
        store.insert(written.clone()).await.unwrap();
        let found = store.find("keyauth_credentials", &Lookup::key("key", &key)).await.unwrap();
        assert_eq!(found, Some(written.document), "{case}");
        let again = record("keyauth_credentials", number + 100, &json!({})).with_key("key", &key);
        let refused = store.insert(again).await.unwrap_err();
        assert!(matches!(refused, StoreError::Conflict { value, .. } if value == key), "{case}");
    }
    assert_eq!(store.find("keyauth_credentials", &Lookup::key("key", "other\0")).await.unwrap(), None);
}

async fn a_replace_moves_the_keys(fresh: Fresh) {
    let store = fresh.store;
    store.insert(service(1, "old").with_tags(&["x"])).await.unwrap();
    store.replace(service(1, "new").with_tags(&["x", "y"])).await.unwrap();
    assert_eq!(store.find("services", &Lookup::key("name", "old")).await.unwrap(), None);
    assert!(store.find("services", &Lookup::key("name", "new")).await.unwrap().is_some());
    store.insert(service(2, "old")).await.unwrap();
    let refused = store.replace(service(2, "new")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { field, .. } if field == "name"));
    let absent = store.replace(service(3, "third")).await.unwrap_err();
    assert!(matches!(absent, StoreError::NotFound { id: missing, .. } if missing == id(3)));
}

async fn a_taken_key_or_id_is_named(fresh: Fresh) {
    let store = fresh.store;
    let plugin =
        |number, key: &str| record("plugins", number, &json!({})).with_key("name,route,service", key);
    store.insert(plugin(1, "key-auth,,7").with_key("instance_name", "a")).await.unwrap();
    for (case, new, field, value) in [
        ("the id", plugin(1, "other"), "id", id(1).to_string()),
        ("a composite key", plugin(2, "key-auth,,7"), "name,route,service", "key-auth,,7".to_owned()),
        ("the second key", plugin(3, "x").with_key("instance_name", "a"), "instance_name", "a".to_owned()),
    ] {
        match store.insert(new).await {
            Err(StoreError::Conflict { kind, field: found, value: taken }) => {
                assert_eq!((kind.as_str(), found.as_str(), taken), ("plugins", field, value), "{case}");
            }
            other => panic!("{case}: {other:?}"),
        }
    }
    let other_kind = record("vaults", 1, &json!({})).with_key("instance_name", "a");
    store.insert(other_kind).await.expect("a key is unique in its kind only, an id too");
    assert_eq!(store.revision().await.unwrap(), 2, "a refused write has no revision");
}

async fn a_link_that_leads_nowhere_is_named(fresh: Fresh) {
    let store = fresh.store;
    match store.insert(route(1, 9)).await {
        Err(StoreError::MissingReference { field, target, id: missing }) => {
            assert_eq!((field.as_str(), target.as_str(), missing), ("service", "services", id(9)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.find("routes", &Lookup::Id(id(1))).await.unwrap(), None, "nothing of it is left");
    store.insert(service(9, "nine")).await.unwrap();
    store.insert(route(1, 9)).await.unwrap();
    let moved = store.replace(route(1, 10)).await.unwrap_err();
    assert!(matches!(moved, StoreError::MissingReference { .. }), "a replace is checked as well");
    let own = record("keys", 5, &json!({})).with_link("parent", "keys", 5, OnDelete::Cascade);
    store.insert(own).await.expect("an entity may refer to itself");
    store.delete("keys", id(5)).await.expect("and still be deleted");
}

async fn a_write_is_all_or_nothing(fresh: Fresh) {
    let store = fresh.store;
    let changes =
        vec![Change::Insert(service(1, "one")), Change::Insert(route(1, 1)), Change::Insert(route(2, 7))];
    assert!(store.write(changes.clone()).await.is_err(), "the third leads nowhere");
    assert_eq!(store.find("services", &Lookup::Id(id(1))).await.unwrap(), None);
    assert_eq!(store.revision().await.unwrap(), 0);
    store.write(changes[..2].to_vec()).await.expect("a link may lead to what the same write makes");
    assert_eq!(store.revision().await.unwrap(), 1, "one write, one revision");
    assert_eq!(store.write(Vec::new()).await.unwrap(), 1, "no change, no revision");
}

async fn a_replace_after_somebody_elses_is_refused(fresh: Fresh) {
    let store = fresh.store;
    store.insert(service(1, "one")).await.unwrap();
    let read = store.find_versioned("services", &Lookup::Id(id(1))).await.unwrap().unwrap();
    store.replace(service(1, "theirs")).await.unwrap();
    let mine = |revision| vec![Change::ReplaceIf { record: service(1, "mine"), unchanged_since: revision }];
    let refused = store.write(mine(read.revision)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Changed { .. }));
    let read = store.find_versioned("services", &Lookup::Id(id(1))).await.unwrap().unwrap();
    assert_eq!(read.document, service(1, "theirs").document);
    store.write(mine(read.revision)).await.unwrap();
}

async fn an_expired_entity_is_gone_and_gives_its_key_back(fresh: Fresh) {
    let store = fresh.store;
    let long_ago = 1_000_000_000;
    let far_away = 99_000_000_000;
    store.insert(consumer(1, "a")).await.unwrap();
    store.insert(credential(1, 1, "key").expiring(far_away)).await.unwrap();
    assert!(
        store.find("keyauth_credentials", &Lookup::key("key", "key")).await.unwrap().is_some(),
        "not yet"
    );
    store.replace(credential(1, 1, "key").expiring(long_ago)).await.unwrap();
    for lookup in [Lookup::key("key", "key"), Lookup::Id(id(1))] {
        assert_eq!(store.find("keyauth_credentials", &lookup).await.unwrap(), None, "{lookup:?}");
    }
    let replaced = store.replace(credential(1, 1, "key")).await.unwrap_err();
    assert!(matches!(replaced, StoreError::NotFound { .. }));
    store.insert(credential(2, 1, "key")).await.expect("its key is free");
    store.insert(credential(1, 1, "other").expiring(long_ago)).await.expect("its id is free");
    assert_eq!(store.sweep_expired(10).await.unwrap(), 1);
    assert_eq!(store.sweep_expired(10).await.unwrap(), 0);
    assert!(store.find("keyauth_credentials", &Lookup::Id(id(2))).await.unwrap().is_some());
    store.insert(consumer(3, "c").expiring(long_ago)).await.unwrap();
    let refused = store.insert(credential(3, 3, "new")).await.unwrap_err();
    assert!(matches!(refused, StoreError::MissingReference { .. }), "nobody refers to the expired");
}

async fn a_catalog_is_read_at_one_moment(fresh: Fresh) {
    let store = fresh.store;
    let changes = (1..=2_500).map(|number| Change::Insert(service(number, &format!("s{number}"))));
    store.write(changes.collect()).await.unwrap();
    store.insert(route(1, 1)).await.unwrap();
    let rows = store.read_catalog(&["services", "routes", "plugins"]).await.unwrap();
    assert_eq!(rows.revision, 2);
    assert_eq!(rows.documents["services"].len(), 2_500, "more than one batch");
    assert_eq!(rows.documents["services"][2_499], service(2_500, "s2500").document, "in the order of ids");
    assert_eq!(rows.documents["routes"].len(), 1);
    assert_eq!(rows.documents["plugins"].len(), 0, "a kind without entities is there");
    assert_eq!(rows.bad_rows, []);
}

async fn components_are_kept_by_digest(fresh: Fresh) {
    let store = fresh.store;
    let bytes = vec![7; 3_000_000];
    let digest = sha256_hex(&bytes);
    let prefixed = format!("sha256:{}", sha256_hex(b"small"));
    assert_eq!(store.component(&digest).await.unwrap(), None);
    store.put_component(&digest, &bytes).await.unwrap();
    store.put_component(&digest, &bytes).await.expect("twice is once");
    store.put_component(&prefixed, b"small").await.unwrap();
    assert_eq!(store.component(&digest).await.unwrap().unwrap(), bytes);
    let wrong = store.put_component(&digest, b"other bytes").await.unwrap_err();
    assert!(matches!(wrong, StoreError::BadRow { .. }), "{wrong}");
    let in_use = HashSet::from([digest.clone()]);
    assert_eq!(
        store.sweep_components(&in_use, Duration::from_secs(3_600)).await.unwrap(),
        0,
        "all are young"
    );
    assert_eq!(store.sweep_components(&in_use, Duration::ZERO).await.unwrap(), 1);
    assert_eq!(store.component(&prefixed).await.unwrap(), None);
    assert!(store.component(&digest).await.unwrap().is_some());
}

async fn migrating_twice_is_migrating_once(fresh: Fresh) {
    assert_eq!(fresh.store.pending_migrations().await.unwrap(), Vec::<String>::new());
    fresh.store.insert(service(1, "one")).await.unwrap();
    fresh.store.migrate().await.unwrap();
    assert!(fresh.store.find("services", &Lookup::Id(id(1))).await.unwrap().is_some());
}

#[tokio::test]
async fn without_tables_every_operation_says_so() {
    let url = gateway_tests::Postgres::shared().unwrap().database().unwrap();
    for settings in [StoreSettings::Memory, StoreSettings::Url(SecretString::from(url))] {
        let store = Store::connect(&settings).await.unwrap();
        let pending = store.pending_migrations().await.unwrap();
        assert_eq!(pending.first().map(String::as_str), Some("0001_entities"), "{settings:?}");
        assert!(matches!(store.revision().await, Err(StoreError::NotMigrated)), "{settings:?}");
        let written = store.insert(service(1, "one")).await;
        assert!(matches!(written, Err(StoreError::NotMigrated)), "{settings:?}: {written:?}");
        assert!(store.is_available());
    }
}

#[tokio::test]
async fn a_row_that_is_no_json_spoils_nothing_but_itself() {
    let server = gateway_tests::Postgres::shared().unwrap();
    let url = server.database().unwrap();
    let store = Store::connect(&StoreSettings::Url(SecretString::from(url.clone()))).await.unwrap();
    store.migrate().await.unwrap();
    store.write(vec![Change::Insert(service(1, "one")), Change::Insert(service(2, "two"))]).await.unwrap();
    server.sql(&url, &format!("UPDATE entities SET document = '[1' WHERE id = '{}'", id(1))).unwrap();
    let rows = store.read_catalog(&["services"]).await.unwrap();
    assert_eq!(rows.documents["services"].len(), 1);
    assert_eq!(rows.bad_rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>(), [id(1).to_string()]);
    assert!(matches!(store.find("services", &Lookup::Id(id(1))).await, Err(StoreError::BadRow { .. })));
}
