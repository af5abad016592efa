//! The database away, busy, or given up on by the caller.

use std::time::{Duration, Instant};

use gateway_tests::{Link, Relay};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::store::{Change, Lookup, StoreError};

/// Far above what the store promises, so that a loaded machine does not fail the test.
const SOON: Duration = Duration::from_secs(30);

async fn server() -> (Postgres, Store) {
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let store = Store::connect(&StoreSettings::Url(SecretString::from(url))).await.unwrap();
    store.migrate().await.unwrap();
    (server, store)
}

async fn until_it_answers(store: &Store) {
    let back = async {
        while store.revision().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, back).await.expect("the store recovers by itself");
}

#[tokio::test]
async fn while_postgres_is_away_the_store_says_so_fast_and_recovers_by_itself() {
    let (server, store) = server().await;
    store.insert(service(1, "one")).await.unwrap();
    server.stop().unwrap();
    let began = Instant::now();
    let first = store.find("services", &Lookup::Id(id(1))).await.unwrap_err();
    assert!(first.is_unavailable(), "{first}");
    assert!(began.elapsed() < SOON, "bounded: {:?}", began.elapsed());
    assert!(!store.is_available());
    // Later ones do not each pay for the wait: two hundred of them would take minutes.
    let began = Instant::now();
    for _ in 0..200 {
        assert!(store.insert(service(2, "two")).await.unwrap_err().is_unavailable());
    }
    assert!(began.elapsed() < SOON, "200 refusals took {:?}", began.elapsed());
    server.start_again().unwrap();
    until_it_answers(&store).await;
    assert!(store.is_available());
    store.insert(service(2, "two")).await.expect("writes work again as well");
    assert_eq!(store.revision().await.unwrap(), 2, "nothing of the refused writes was done");
}

/// A connection is given back just when the link goes silent, so often that a pool that waits for them has none.
#[tokio::test]
async fn connections_that_fall_silent_on_their_way_back_are_given_up() {
    let server = Postgres::start().unwrap();
    let relay = Relay::to(server.address()).await.unwrap();
    let url = relay.url(&server.database().unwrap());
    let store = Store::connect(&StoreSettings::Url(SecretString::from(url))).await.unwrap();
    store.migrate().await.unwrap();
    for number in 1..=10 {
        let writer = timeout(SOON, store.writer()).await.unwrap();
        let mut writer = writer.unwrap_or_else(|error| panic!("after {} cuts: {error}", number - 1));
        writer.execute("ROLLBACK", &[]).await.unwrap();
        relay.set(Link::Cut);
        writer.finish();
        tokio::time::sleep(Duration::from_millis(50)).await;
        relay.set(Link::Up);
    }
    timeout(SOON, store.insert(service(1, "one"))).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_feed_survives_a_restart_of_postgres() {
    let (server, store) = server().await;
    let other = store.clone();
    let mut feed = store.feed();
    store.insert(service(1, "one")).await.unwrap();
    assert_eq!(timeout(SOON, feed.changed()).await.unwrap(), 1);
    let mut waiting = JoinSet::new();
    waiting.spawn(async move {
        let revision = feed.changed().await;
        (feed, revision)
    });
    server.stop().unwrap();
    assert!(other.revision().await.is_err());
    server.start_again().unwrap();
    until_it_answers(&other).await;
    other.insert(service(2, "two")).await.unwrap();
    let (mut feed, revision) = timeout(SOON, waiting.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(revision, 2);
    other.insert(service(3, "three")).await.unwrap();
    assert_eq!(timeout(SOON, feed.changed()).await.unwrap(), 3, "and hears on");
}

#[tokio::test]
async fn a_store_may_be_opened_before_its_server_is_up() {
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    server.stop().unwrap();
    let store = Store::connect(&StoreSettings::Url(SecretString::from(url))).await.unwrap();
    assert!(store.revision().await.unwrap_err().is_unavailable());
    server.start_again().unwrap();
    let migrated = async {
        while store.migrate().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, migrated).await.unwrap();
    store.insert(service(1, "one")).await.unwrap();
}

#[tokio::test]
async fn a_write_given_up_by_its_caller_leaves_no_lock_behind() {
    for fresh in [Fresh::sqlite().await, Fresh::memory().await, Fresh::postgres().await] {
        let store = fresh.store;
        store.insert(service(1, "one")).await.unwrap();
        for patience in 0..40 {
            let changes = (100..130).map(|number| Change::Insert(service(number, &number.to_string())));
            // Broken off at another place each time; some may be done in time.
            let _ = timeout(Duration::from_micros(patience * 150), store.write(changes.collect())).await;
        }
        let written = timeout(SOON, store.insert(service(2, "two"))).await.unwrap();
        assert!(written.is_ok(), "{:?}: {written:?}", fresh.settings);
        let page = store.find("services", &Lookup::Id(id(1))).await.unwrap();
        assert!(page.is_some(), "{:?}: what was committed is still there", fresh.settings);
    }
}

#[tokio::test]
async fn a_full_pool_is_busy_and_not_away() {
    let fresh = Fresh::sqlite().await;
    let held = fresh.store.writer().await.unwrap();
    let refused = fresh.store.insert(service(1, "one")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { outage: false, .. }), "{refused:?}");
    assert!(fresh.store.is_available());
    assert_eq!(fresh.store.revision().await.unwrap(), 0, "readers go on");
    held.roll_back().await;
    fresh.store.insert(service(1, "one")).await.unwrap();
}
