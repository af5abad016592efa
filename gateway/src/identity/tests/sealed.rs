//! The cache in front of sealed keys.

use super::*;

#[tokio::test]
async fn a_key_that_was_kept_in_the_clear_is_forgotten_under_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings::Sqlite { path: folder.path().join("weir.db") };
    let plain = Store::connect(&settings).await.unwrap();
    plain.migrate().await.unwrap();
    plain
        .write(vec![Change::Insert(consumer(1, "joe")), Change::Insert(key(1, 1, "hunter22"))])
        .await
        .unwrap();
    plain.insert(key(2, 1, "swordfish")).await.unwrap();
    let keys = crate::sealing::Keyring::parse("a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let store = Store::connect_with(&settings, Some(Arc::new(keys))).await.unwrap();
    store.unlock(&folder.path().join("index.key")).await.unwrap();
    let identity = Identity::new(store.clone());
    for known in ["hunter22", "swordfish"] {
        assert!(identity.find_credential(KIND, known).await.unwrap().is_some());
        assert!(matches!(identity.cached(KIND, known), Some(Some(_))));
    }
    let since = store.revision().await.unwrap();
    store.delete(KIND, id(1)).await.unwrap();
    catch_up(&store, &identity, since).await;
    assert!(identity.find_credential(KIND, "hunter22").await.unwrap().is_none(), "it was kept in the clear");
    assert!(matches!(identity.cached(KIND, "swordfish"), Some(Some(_))), "the other one is still known");
    let since = store.revision().await.unwrap();
    store.replace(key(2, 1, "marlin")).await.unwrap();
    catch_up(&store, &identity, since).await;
    assert!(identity.find_credential(KIND, "swordfish").await.unwrap().is_none());
    assert!(identity.find_credential(KIND, "marlin").await.unwrap().is_some(), "sealed by now");
}
