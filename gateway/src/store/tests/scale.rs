//! A million consumers: what an operation costs is seen in the plan, not in a stop-watch.

use super::*;
use crate::store::{Lookup, PageQuery, TagFilter};

/// Enough for the planner to prefer indexes, few enough for a test.
const CONSUMERS: i32 = 50_000;

#[tokio::test]
async fn with_many_consumers_no_operation_reads_a_whole_table() {
    let server = Postgres::shared().unwrap();
    let url = server.database().unwrap();
    let store = Store::connect(&StoreSettings::Url(SecretString::from(url.clone()))).await.unwrap();
    store.migrate().await.unwrap();
    let fill = format!(
        "INSERT INTO entities SELECT 'consumers', md5(n::text)::uuid, '{{\"username\": \"u' || n || '\"}}', 1, 1, NULL \
           FROM generate_series(1, {CONSUMERS}) n; \
         INSERT INTO entity_keys SELECT 'consumers', 'username', 'u' || n, md5(n::text)::uuid \
           FROM generate_series(1, {CONSUMERS}) n; \
         INSERT INTO entities SELECT 'keyauth_credentials', md5('c' || n)::uuid, '{{}}', 1, 1, NULL \
           FROM generate_series(1, {CONSUMERS}) n; \
         INSERT INTO entity_keys SELECT 'keyauth_credentials', 'key', 'k' || n, md5('c' || n)::uuid \
           FROM generate_series(1, {CONSUMERS}) n; \
         INSERT INTO entity_links SELECT 'keyauth_credentials', md5('c' || n)::uuid, 'consumer', 'consumers', \
           md5(n::text)::uuid, 'cascade' FROM generate_series(1, {CONSUMERS}) n; \
         INSERT INTO entity_tags SELECT 't' || n % 7, 'consumers', md5(n::text)::uuid \
           FROM generate_series(1, {CONSUMERS}) n; \
         ANALYZE"
    );
    store.close().await;
    server.sql(&url, &fill).unwrap();
    server.sql(&url, "SELECT pg_stat_reset()").unwrap();
    let store = Store::connect(&StoreSettings::Url(SecretString::from(url.clone()))).await.unwrap();
    use_everything(&store).await;
    store.close().await;
    // Statistics of a session are there once it has ended.
    let scans = "SELECT coalesce(string_agg(relname || ' ' || seq_scan, ', '), '') FROM pg_stat_user_tables \
         WHERE seq_scan > 0 AND relname IN ('entities', 'entity_keys', 'entity_links', 'entity_tags')";
    assert_eq!(server.sql(&url, scans).unwrap(), "", "tables read from end to end");
    let used = "SELECT count(*) > 0 FROM pg_stat_user_tables WHERE relname = 'entities' AND idx_scan > 20";
    assert_eq!(server.sql(&url, used).unwrap(), "t", "the statistics are there");
}

/// Often enough for Postgres to go over to a generic plan, which it does at the sixth time.
async fn use_everything(store: &Store) {
    for round in 0..8_u128 {
        let found = store.find("consumers", &Lookup::key("username", format!("u{}", 17 + round))).await;
        assert!(found.unwrap().is_some());
        let number = round + 1;
        let new = format!("new {round}");
        store.insert(consumer(number, &new).with_tags(&["t1"])).await.unwrap();
        store.insert(credential(number, number, &new)).await.unwrap();
        store.replace(consumer(number, &format!("newer {round}"))).await.unwrap();
        list_everything(store, number).await;
        store.delete("consumers", id(number)).await.unwrap();
        assert_eq!(store.sweep_expired(100).await.unwrap(), 0);
    }
}

async fn list_everything(store: &Store, number: u128) {
    let all = PageQuery { size: 100, ..PageQuery::default() };
    let first = store.page("consumers", &all).await.unwrap();
    let parent = Some(("consumer".to_owned(), id(number)));
    let all_of = Some(TagFilter::All(vec!["t1".into()]));
    let any_of = Some(TagFilter::Any(vec!["t1".into(), "t2".into()]));
    for (kind, query, want) in [
        ("consumers", PageQuery { after: first.next, ..all.clone() }, 100),
        ("consumers", PageQuery { tags: all_of, ..all.clone() }, 100),
        ("consumers", PageQuery { tags: any_of, ..all.clone() }, 100),
        ("keyauth_credentials", PageQuery { parent, ..all.clone() }, 1),
    ] {
        assert_eq!(store.page(kind, &query).await.unwrap().documents.len(), want, "{query:?}");
    }
}
