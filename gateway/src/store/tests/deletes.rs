//! What a delete takes along, and what refuses it.

use std::collections::BTreeSet;

use super::*;
use crate::store::{Change, Changes, Lookup, Operation, StoreError};

on_each_database!(
    a_delete_takes_the_entity_and_what_it_was_found_by,
    a_referrer_that_restricts_refuses_the_delete,
    a_delete_cascades_all_the_way_down,
    a_cascade_that_ends_at_a_restriction_deletes_nothing,
    a_restriction_that_goes_with_the_rest_restricts_nothing,
);

async fn a_delete_takes_the_entity_and_what_it_was_found_by(fresh: Fresh) {
    let store = fresh.store;
    store.insert(service(1, "one").with_tags(&["a"])).await.unwrap();
    store.delete("services", id(1)).await.unwrap();
    assert_eq!(store.find("services", &Lookup::key("name", "one")).await.unwrap(), None);
    assert!(matches!(store.delete("services", id(1)).await, Err(StoreError::NotFound { .. })));
    store.insert(service(1, "one")).await.expect("both id and name are free again");
}

async fn a_referrer_that_restricts_refuses_the_delete(fresh: Fresh) {
    let store = fresh.store;
    store.insert(service(1, "one")).await.unwrap();
    store.insert(route(1, 1)).await.unwrap();
    match store.delete("services", id(1)).await {
        Err(StoreError::Referenced { kind, by_kind }) => {
            assert_eq!((kind.as_str(), by_kind.as_str()), ("services", "routes"));
        }
        other => panic!("{other:?}"),
    }
    assert!(store.find("services", &Lookup::Id(id(1))).await.unwrap().is_some());
    let both = ["routes", "services"].map(|kind| Change::Delete { kind: kind.to_owned(), id: id(1) });
    store.write(both.to_vec()).await.expect("the referrer first, then the entity, in one write");
}

/// Two consumers; the first has two credentials, and one of those a token.
async fn family(store: &Store) {
    store.insert(consumer(1, "a")).await.unwrap();
    store.insert(consumer(2, "b")).await.unwrap();
    for (number, owner) in [(1, 1), (2, 1), (3, 2)] {
        store.insert(credential(number, owner, &format!("key {number}"))).await.unwrap();
    }
    let token =
        record("tokens", 1, &json!({})).with_link("credential", "keyauth_credentials", 1, OnDelete::Cascade);
    store.insert(token).await.unwrap();
}

async fn a_delete_cascades_all_the_way_down(fresh: Fresh) {
    let store = fresh.store;
    family(&store).await;
    let before = store.revision().await.unwrap();
    let revision = store.delete("consumers", id(1)).await.unwrap();
    assert_eq!(store.find("keyauth_credentials", &Lookup::key("key", "key 1")).await.unwrap(), None);
    assert_eq!(store.find("tokens", &Lookup::Id(id(1))).await.unwrap(), None);
    assert!(store.find("keyauth_credentials", &Lookup::key("key", "key 3")).await.unwrap().is_some());
    let Changes::Entries(entries) = store.changes_since(before, 100).await.unwrap() else { panic!("kept") };
    let told: BTreeSet<_> = entries.iter().map(|entry| (entry.kind.as_str(), entry.id)).collect();
    let want = [("consumers", 1), ("keyauth_credentials", 1), ("keyauth_credentials", 2), ("tokens", 1)];
    assert_eq!(told, want.map(|(kind, number)| (kind, id(number))).into(), "the feed names each of them");
    assert!(entries.iter().all(|entry| entry.operation == Operation::Delete && entry.revision == revision));
    let key = entries.iter().find(|entry| entry.kind == "keyauth_credentials" && entry.id == id(1)).unwrap();
    assert_eq!((key.keys[0].field.as_str(), key.keys[0].value.as_str()), ("key", "key 1"));
    assert_eq!(key.links, [("consumers".to_owned(), id(1))]);
}

async fn a_cascade_that_ends_at_a_restriction_deletes_nothing(fresh: Fresh) {
    let store = fresh.store;
    store.insert(consumer(1, "a")).await.unwrap();
    store.insert(credential(1, 1, "k")).await.unwrap();
    let guard =
        record("guards", 1, &json!({})).with_link("holds", "keyauth_credentials", 1, OnDelete::Restrict);
    store.insert(guard).await.unwrap();
    let refused = store.delete("consumers", id(1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Referenced { by_kind, .. } if by_kind == "guards"));
    assert!(store.find("keyauth_credentials", &Lookup::key("key", "k")).await.unwrap().is_some());
}

async fn a_restriction_that_goes_with_the_rest_restricts_nothing(fresh: Fresh) {
    let store = fresh.store;
    store.insert(consumer(1, "a")).await.unwrap();
    store.insert(credential(1, 1, "k")).await.unwrap();
    let both = record("grants", 1, &json!({}))
        .with_link("consumer", "consumers", 1, OnDelete::Cascade)
        .with_link("credential", "keyauth_credentials", 1, OnDelete::Restrict);
    store.insert(both).await.unwrap();
    store.delete("consumers", id(1)).await.unwrap();
    assert_eq!(store.find("grants", &Lookup::Id(id(1))).await.unwrap(), None);
}
