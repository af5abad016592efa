//! Writes of whole files.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::store::{Attribution, Bulk, Changes, Lookup, Operation, PageQuery, StoreError, TagFilter, Terms};

on_each_database!(
    a_bulk_write_does_what_single_ones_do,
    names_may_change_places,
    a_write_that_came_between_is_not_overrun,
    a_key_that_is_taken_undoes_all,
    an_expired_holder_of_a_key_gives_way,
    a_large_write_sends_readers_back_to_the_start,
    a_bulk_write_is_written_down,
    a_bulk_write_that_cannot_be_written_down_is_refused,
);

async fn written(store: &Store, bulk: Bulk) -> Result<i64, StoreError> {
    let revision = store.revision().await.unwrap();
    store.write_bulk(&bulk, revision, Terms::default(), &|_, _| ()).await
}

fn inserting(insert: Vec<Record>) -> Bulk {
    Bulk { insert, ..Bulk::default() }
}

async fn a_bulk_write_does_what_single_ones_do(fresh: Fresh) {
    let store = fresh.store;
    let records = vec![service(1, "a"), service(2, "b"), route(1, 1), consumer(1, "c").with_tags(&["t"])];
    assert_eq!(written(&store, inserting(records)).await.unwrap(), 1);
    let change = Bulk {
        insert: vec![credential(1, 1, "k")],
        replace: vec![route(1, 2), consumer(1, "renamed")],
        remove: vec![("services", id(1))],
    };
    assert_eq!(written(&store, change).await.unwrap(), 2);
    let found = |kind: &'static str, field: &str, value: &str| {
        let (store, lookup) = (store.clone(), Lookup::key(field, value));
        async move { store.find(kind, &lookup).await.unwrap().is_some() }
    };
    assert!(
        found("keyauth_credentials", "key", "k").await && found("consumers", "username", "renamed").await
    );
    assert!(!found("services", "name", "a").await && !found("consumers", "username", "c").await);
    let tags = Some(TagFilter::All(vec!["t".to_owned()]));
    let tagged = PageQuery { size: 10, tags, ..PageQuery::default() };
    assert_eq!(store.page("consumers", &tagged).await.unwrap().documents.len(), 0, "the tag is gone");
    let held = store.delete("services", id(2)).await;
    assert!(matches!(held, Err(StoreError::Referenced { .. })), "the route's new service is held: {held:?}");
    let Changes::Entries(told) = store.changes_since(1, 100).await.unwrap() else { panic!("it is told") };
    let told: Vec<_> =
        told.iter().map(|entry| (entry.kind.as_str(), entry.operation, entry.keys.len())).collect();
    assert_eq!(
        told,
        [
            ("services", Operation::Delete, 1),
            ("routes", Operation::Replace, 0),
            ("consumers", Operation::Replace, 2),
            ("keyauth_credentials", Operation::Insert, 1),
        ]
    );
}

async fn names_may_change_places(fresh: Fresh) {
    let store = fresh.store;
    written(&store, inserting(vec![service(1, "a"), service(2, "b")])).await.unwrap();
    let swap = Bulk { replace: vec![service(1, "b"), service(2, "a")], ..Bulk::default() };
    written(&store, swap).await.unwrap();
    let found = store.find("services", &Lookup::key("name", "a")).await.unwrap().unwrap();
    assert_eq!(found["id"], json!(id(2)));
}

async fn a_write_that_came_between_is_not_overrun(fresh: Fresh) {
    let store = fresh.store;
    let before = store.revision().await.unwrap();
    store.insert(service(1, "a")).await.unwrap();
    let late =
        store.write_bulk(&inserting(vec![service(2, "b")]), before, Terms::default(), &|_, _| ()).await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    assert_eq!(store.find("services", &Lookup::Id(id(2))).await.unwrap(), None);
    assert_eq!(store.revision().await.unwrap(), 1);
}

async fn a_key_that_is_taken_undoes_all(fresh: Fresh) {
    let store = fresh.store;
    store.insert(service(1, "a")).await.unwrap();
    let mut records: Vec<_> = (2..500).map(|number| service(number, &format!("s{number}"))).collect();
    records.push(service(500, "a"));
    let taken = written(&store, inserting(records)).await;
    let Err(StoreError::Conflict { field, value, .. }) = taken else { panic!("{taken:?}") };
    assert_eq!((field.as_str(), value.as_str()), ("name", "a"));
    let taken = written(&store, inserting(vec![service(3, "c"), service(1, "b")])).await;
    assert!(matches!(taken, Err(StoreError::Conflict { field, .. }) if field == "id"));
    assert_eq!(store.find("services", &Lookup::Id(id(2))).await.unwrap(), None);
}

async fn an_expired_holder_of_a_key_gives_way(fresh: Fresh) {
    let store = fresh.store;
    store.insert(consumer(1, "c")).await.unwrap();
    store.insert(credential(1, 1, "k").expiring(1)).await.unwrap();
    written(&store, inserting(vec![credential(2, 1, "k")])).await.unwrap();
    assert!(store.find("keyauth_credentials", &Lookup::key("key", "k")).await.unwrap().is_some());
}

async fn a_large_write_sends_readers_back_to_the_start(fresh: Fresh) {
    let store = fresh.store;
    let records: Vec<_> =
        (1..=3_000).map(|number| consumer(number, &format!("c{number}")).with_tags(&["t"])).collect();
    let done = AtomicUsize::new(0);
    let told = |count, _| done.store(count, Ordering::Relaxed);
    store.write_bulk(&inserting(records), 0, Terms::default(), &told).await.unwrap();
    assert_eq!(done.load(Ordering::Relaxed), 3_000);
    assert_eq!(store.changes_since(0, 10).await.unwrap(), Changes::TooOld);
    let last = store.find("consumers", &Lookup::key("username", "c3000")).await.unwrap();
    assert_eq!(last.unwrap()["id"], json!(id(3_000)));
    let remove: Vec<_> = (1..=3_000).map(|number| ("consumers", id(number))).collect();
    written(&store, Bulk { remove, ..Bulk::default() }).await.unwrap();
    assert_eq!(store.find("consumers", &Lookup::Id(id(3_000))).await.unwrap(), None);
    written(&store, inserting(vec![consumer(1, "c1")])).await.expect("nothing of them is left");
}

/// Terms under which somebody is written down.
fn written_down() -> Terms {
    let redact = std::sync::Arc::new(|_: &str, entity: &crate::model::Document| entity.clone());
    let entry = json!({ "actor": "somebody", "at_ms": 1 }).as_object().cloned().unwrap();
    Terms { within: None, attribution: Some(Attribution { entry, redact, is_required: true }) }
}

async fn a_bulk_write_is_written_down(fresh: Fresh) {
    let store = fresh.store;
    written(&store, inserting(vec![service(1, "a"), service(2, "b")])).await.unwrap();
    assert!(store.records(None, 10).await.unwrap().is_empty(), "nobody was named");
    let change = Bulk {
        insert: (10..160).map(|number| consumer(number, &format!("c{number}"))).collect(),
        replace: vec![service(2, "changed")],
        remove: vec![("services", id(1))],
    };
    store.write_bulk(&change, 1, written_down(), &|_, _| ()).await.unwrap();
    let records = store.records(None, 10).await.unwrap();
    let [record] = records.as_slice() else { panic!("one record: {}", records.len()) };
    assert_eq!((&record.entry["actor"], &record.entry["objects_count"]), (&json!("somebody"), &json!(152)));
    let objects = record.entry["objects"].as_array().unwrap();
    let told: Vec<_> = objects
        .iter()
        .take(3)
        .map(|object| (&object["operation"], &object["before"]["name"], &object["after"]["name"]))
        .collect();
    let [create, update, delete] = ["create", "update", "delete"].map(Value::from);
    let (a, b, changed, none) = (json!("a"), json!("b"), json!("changed"), Value::Null);
    assert_eq!(told, [(&delete, &a, &none), (&update, &b, &changed), (&create, &none, &none)]);
    assert_eq!(objects[2]["after"]["username"], "c10");
    assert_eq!(objects.len(), 152, "all are named, the first hundred are shown");
    assert_eq!(objects[151].get("after"), None);
    assert_eq!(store.verify_records(None).await.unwrap().fault, None);
}

async fn a_bulk_write_that_cannot_be_written_down_is_refused(fresh: Fresh) {
    let store = fresh.store;
    let mut session = store.writer().await.unwrap();
    session.execute("DELETE FROM audit_head", &[]).await.unwrap();
    session.commit().await.unwrap();
    let refused = store.write_bulk(&inserting(vec![service(1, "a")]), 0, written_down(), &|_, _| ()).await;
    assert!(matches!(refused, Err(StoreError::Unrecorded(_))), "{refused:?}");
    assert_eq!(store.revision().await.unwrap(), 0, "nothing was written");
    assert_eq!(store.find("services", &Lookup::key("name", "a")).await.unwrap(), None);
}
