//! What changed, and how those who wait hear of it.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::store::{Change, Changes, FeedEntry, Operation};

on_each_database!(
    the_feed_tells_each_write,
    the_feed_is_read_in_whole_writes,
    a_write_too_large_to_tell_sends_readers_back_to_the_start,
    a_revision_that_never_was_is_too_old,
    a_waiting_reader_hears_of_a_write,
);

async fn entries(store: &Store, since: i64, limit: usize) -> Vec<FeedEntry> {
    match store.changes_since(since, limit).await.unwrap() {
        Changes::Entries(entries) => entries,
        Changes::TooOld => panic!("revision {since} is kept"),
    }
}

async fn the_feed_tells_each_write(fresh: Fresh) {
    let store = fresh.store;
    store.insert(consumer(1, "a")).await.unwrap();
    store.insert(credential(1, 1, "old")).await.unwrap();
    store.replace(credential(1, 1, "new")).await.unwrap();
    store.delete("keyauth_credentials", id(1)).await.unwrap();
    let told = entries(&store, 1, 100).await;
    let what: Vec<_> = told.iter().map(|entry| (entry.revision, entry.operation)).collect();
    assert_eq!(what, [(2, Operation::Insert), (3, Operation::Replace), (4, Operation::Delete)]);
    let keys: Vec<Vec<_>> =
        told.iter().map(|entry| entry.keys.iter().map(|key| key.value.as_str()).collect()).collect();
    assert_eq!(
        keys,
        [vec!["old"], vec!["old", "new"], vec!["new"]],
        "a replace names the keys before and after"
    );
    assert_eq!(entries(&store, 4, 100).await, [], "nothing new");
}

async fn the_feed_is_read_in_whole_writes(fresh: Fresh) {
    let store = fresh.store;
    for batch in 0..4_u128 {
        let changes =
            (0..3).map(|number| Change::Insert(service(batch * 3 + number, &format!("{batch} {number}"))));
        store.write(changes.collect()).await.unwrap();
    }
    for (limit, want) in [
        (1, vec![1; 3]),
        (3, vec![1; 3]),
        (4, vec![1, 1, 1, 2, 2, 2]),
        (100, vec![1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]),
    ] {
        let revisions: Vec<_> = entries(&store, 0, limit).await.iter().map(|entry| entry.revision).collect();
        assert_eq!(revisions, want, "limit {limit}");
    }
}

async fn a_write_too_large_to_tell_sends_readers_back_to_the_start(fresh: Fresh) {
    let store = fresh.store;
    store.insert(service(1, "one")).await.unwrap();
    let many = (2..=1_200).map(|number| Change::Insert(service(number, &number.to_string())));
    let revision = store.write(many.collect()).await.unwrap();
    assert_eq!(store.changes_since(revision - 1, 10).await.unwrap(), Changes::TooOld);
    assert_eq!(entries(&store, revision, 10).await, []);
    store.delete("services", id(1)).await.unwrap();
    assert_eq!(entries(&store, revision, 10).await.len(), 1, "and from there on it is told again");
}

async fn a_revision_that_never_was_is_too_old(fresh: Fresh) {
    fresh.store.insert(service(1, "one")).await.unwrap();
    assert_eq!(fresh.store.changes_since(2, 10).await.unwrap(), Changes::TooOld, "a restored backup");
}

async fn a_waiting_reader_hears_of_a_write(fresh: Fresh) {
    let store = fresh.store;
    let mut feed = store.feed();
    let soon = Duration::from_secs(20);
    assert!(timeout(Duration::from_millis(50), feed.changed()).await.is_err(), "nothing was written");
    store.insert(service(1, "one")).await.unwrap();
    assert_eq!(timeout(soon, feed.changed()).await.unwrap(), 1);
    assert!(timeout(Duration::from_millis(50), feed.changed()).await.is_err(), "that was all");
    store.insert(service(2, "two")).await.unwrap();
    store.insert(service(3, "three")).await.unwrap();
    assert_eq!(timeout(soon, feed.changed()).await.unwrap(), 3, "one look for many writes");
    let mut later = store.feed();
    later.mark_seen(2);
    assert_eq!(timeout(soon, later.changed()).await.unwrap(), 3, "what was written before the wait is heard");
}

async fn another_gateway_hears(fresh: Fresh) {
    let other = fresh.second().await;
    let mut feed = other.feed();
    fresh.store.insert(service(1, "one")).await.unwrap();
    let soon = Duration::from_secs(20);
    assert_eq!(timeout(soon, feed.changed()).await.unwrap(), 1);
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { feed.changed().await });
    fresh.store.insert(service(2, "two")).await.unwrap();
    assert_eq!(timeout(soon, waiting.join_next()).await.unwrap().unwrap().unwrap(), 2);
}

#[tokio::test]
async fn another_gateway_on_the_same_file_hears() {
    another_gateway_hears(Fresh::sqlite().await).await;
}

#[tokio::test]
async fn another_gateway_on_the_same_server_hears() {
    another_gateway_hears(Fresh::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revisions_are_in_the_order_of_commits() {
    let fresh = Fresh::postgres().await;
    let (first, second) = (fresh.store.clone(), fresh.second().await);
    let write = |store: Store, from: u128| async move {
        for number in from..from + 60 {
            store.insert(service(number, &number.to_string())).await.unwrap();
        }
    };
    let mut writers = JoinSet::new();
    writers.spawn(write(first, 1_000));
    writers.spawn(write(second, 2_000));
    // A reader that takes what is there and goes on from its last revision must miss nothing.
    let mut seen = Vec::new();
    while seen.len() < 120 {
        let since = seen.last().copied().unwrap_or(0);
        let told = entries(&fresh.store, since, 7).await;
        seen.extend(told.iter().map(|entry| entry.revision));
        if told.is_empty() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(seen, (1..=120).collect::<Vec<_>>());
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
}
