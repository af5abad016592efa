//! What is kept on disk for the time after a restart.

use std::pin::pin;

use super::*;
use crate::store::LastGood;

#[tokio::test]
async fn after_a_restart_with_the_store_away_those_saved_on_disk_go_on() {
    let (server, settings, store) = on_postgres().await;
    store.insert(group(5, 1, "admins")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path());
    assert_eq!(last_good.save_identities(&store, SAVED_KINDS, 100).await.unwrap(), (5, false));
    store.delete(KIND, id(3)).await.unwrap();
    let saved = last_good.load_identities().await;
    let restarted = Identity::new(Store::connect(&settings).await.unwrap());
    assert_eq!(restarted.seed(&saved).await, 3);
    assert!(restarted.cached(KIND, "known").is_none(), "nothing from disk is believed without asking");
    assert!(
        restarted.find_credential(KIND, "gone").await.unwrap().is_none(),
        "deleted while the node was down"
    );
    server.stop().unwrap();
    let found = restarted.find_credential(KIND, "known").await.unwrap();
    assert_eq!(username(&found), Some("ada"));
    assert_eq!(found.unwrap().consumer.acls.to_vec(), ["admins"]);
    assert_eq!(restarted.find_consumer("ada").await.unwrap().unwrap().id, id(1));
    let gone = restarted.find_credential(KIND, "gone").await;
    assert!(!matches!(gone, Ok(Some(_))), "what is known to be gone does not come back");
}

#[tokio::test]
async fn more_than_fits_on_disk_is_said_to_be_more() {
    let (store, _) = fresh().await;
    for number in 1..=5 {
        store.insert(consumer(number, &number.to_string())).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path());
    for (limit, want) in [(4, (4, true)), (5, (5, false)), (9, (5, false))] {
        assert_eq!(
            last_good.save_identities(&store, SAVED_KINDS, limit).await.unwrap(),
            want,
            "limit {limit}"
        );
        let loaded = last_good.load_identities().await;
        assert_eq!((loaded.documents["consumers"].len(), loaded.truncated), want, "limit {limit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_a_saved_key_is_is_saved_too_whatever_is_written_meanwhile() {
    let (_server, _, store) = on_postgres().await;
    let identity = Identity::new(store.clone());
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path());
    let writing = async {
        for number in 10..=200_u128 {
            let name = number.to_string();
            store.insert(consumer(number, &name)).await.unwrap();
            store.insert(key(1_000 + number, number, &name)).await.unwrap();
        }
    };
    let mut writing = pin!(writing);
    let mut is_written = false;
    while !is_written {
        let mut saving = pin!(last_good.save_identities(&store, SAVED_KINDS, 10_000));
        // Both go on at the same time, until this file is whole.
        let saved = loop {
            tokio::select! {
                saved = &mut saving => break saved,
                () = &mut writing, if !is_written => is_written = true,
            }
        };
        saved.unwrap();
        let saved = last_good.load_identities().await;
        let keys = saved.documents.get(KIND).map_or(0, Vec::len);
        assert_eq!(identity.seed(&saved).await, keys, "each key has its consumer");
    }
}
