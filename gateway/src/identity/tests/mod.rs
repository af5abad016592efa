mod saved;
mod sealed;

use std::sync::Arc;
use std::time::Duration;

use gateway_tests::Postgres;
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::model::{Link, OnDelete, Record, UniqueKey};
use crate::store::{Change, Changes, StoreSettings};

const KIND: &str = "keyauth_credentials";

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn record(kind: &'static str, number: u128, mut fields: Value, key: Option<&'static str>) -> Record {
    fields["id"] = json!(id(number).to_string());
    let value = |field: &str| fields[field].as_str().unwrap().to_owned();
    let keys = key.map(|field| UniqueKey { field, value: value(field) }).into_iter().collect();
    let owner = fields.get("consumer").map(|owner| owner["id"].as_str().unwrap().parse().unwrap());
    let link = |id| Link { field: "consumer", target: "consumers", id, on_delete: OnDelete::Cascade };
    let expires_at = fields.get("expires_at").and_then(Value::as_i64);
    let document = fields.as_object().cloned().unwrap();
    Record {
        kind,
        id: id(number),
        document,
        keys,
        links: owner.map(link).into_iter().collect(),
        tags: vec![],
        expires_at,
    }
}

fn consumer(number: u128, username: &str) -> Record {
    record("consumers", number, json!({ "username": username, "custom_id": "c" }), Some("username"))
}

fn key(number: u128, owner: u128, key: &str) -> Record {
    record(KIND, number, json!({ "key": key, "consumer": { "id": id(owner).to_string() } }), Some("key"))
}

fn group(number: u128, owner: u128, group: &str) -> Record {
    record("acls", number, json!({ "group": group, "consumer": { "id": id(owner).to_string() } }), None)
}

async fn fresh() -> (Store, Identity) {
    let store = Store::connect(&StoreSettings::Memory).await.unwrap();
    store.migrate().await.unwrap();
    (store.clone(), Identity::new(store))
}

/// What the reload loop does with every write.
async fn catch_up(store: &Store, identity: &Identity, since: i64) {
    identity.invalidate_changes(&store.changes_since(since, 1_000).await.unwrap()).await;
}

fn username(found: &Option<Arc<Credential>>) -> Option<&str> {
    found.as_ref().and_then(|credential| credential.consumer.username.as_deref())
}

#[tokio::test]
async fn a_credential_is_found_once_and_then_known() {
    let (store, identity) = fresh().await;
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(key(2, 1, "secret")).await.unwrap();
    store.insert(group(3, 1, "admins")).await.unwrap();
    assert!(identity.cached(KIND, "secret").is_none(), "not asked yet");
    let found = identity.find_credential(KIND, "secret").await.unwrap().unwrap();
    assert_eq!(found.consumer.id, id(1));
    assert_eq!(found.consumer.custom_id.as_deref(), Some("c"));
    assert_eq!(serde_json::from_str::<Value>(&found.consumer.json).unwrap()["username"], "ada");
    assert_eq!(*found.id, *id(2).to_string());
    assert_eq!(*found.consumer.acls, ["admins"]);
    assert_eq!(serde_json::from_str::<Value>(&found.data_json).unwrap()["key"], "secret");
    for time in ["from the shared cache", "from the memory of this thread"] {
        let again = identity.cached(KIND, "secret").flatten().unwrap();
        assert!(Arc::ptr_eq(&found, &again), "{time}");
    }
    let thread = std::thread::spawn({
        let identity = identity.clone();
        move || identity.cached(KIND, "secret").flatten().is_some()
    });
    assert!(thread.join().unwrap(), "a worker without a runtime may ask too");
}

#[tokio::test]
async fn who_had_to_wait_for_an_answer_remembers_it() {
    let (store, identity) = fresh().await;
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(key(2, 1, "secret")).await.unwrap();
    identity.find_credential(KIND, "secret").await.unwrap();
    // As if the shared cache were busy with itself.
    identity.inner.known.invalidate_all();
    assert!(identity.cached(KIND, "secret").flatten().is_some());
}

#[tokio::test]
async fn a_key_that_nobody_has_is_known_to_be_so() {
    let (store, identity) = fresh().await;
    for key in ["x", "", "a\0b", &"long".repeat(1_000)] {
        assert!(identity.find_credential(KIND, key).await.unwrap().is_none(), "{key}");
        assert!(identity.cached(KIND, key).is_some_and(|known| known.is_none()), "{key}");
    }
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(key(2, 1, "x")).await.unwrap();
    catch_up(&store, &identity, 0).await;
    assert!(identity.cached(KIND, "x").is_none(), "the feed said that somebody has it now");
    assert!(identity.find_credential(KIND, "x").await.unwrap().is_some());
    assert!(
        identity.find_credential("jwt_secrets", "x").await.unwrap().is_none(),
        "another kind is another key"
    );
}

#[tokio::test]
async fn every_change_is_heard() {
    let long = "k".repeat(2_000);
    let (store, identity) = fresh().await;
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(key(2, 1, &long)).await.unwrap();
    store.insert(group(3, 1, "a")).await.unwrap();
    let mut revision = store.revision().await.unwrap();
    let expect = async |case: &str, revision: &mut i64, want: Option<(&str, &[&str])>| {
        catch_up(&store, &identity, *revision).await;
        *revision = store.revision().await.unwrap();
        assert!(identity.cached(KIND, &long).is_none(), "{case}: the old answer is gone");
        let found = identity.find_credential(KIND, &long).await.unwrap();
        assert_eq!(username(&found), want.map(|(name, _)| name), "{case}");
        assert_eq!(
            found.as_ref().map(|found| found.consumer.acls.to_vec()),
            want.map(|(_, groups)| groups.iter().map(ToString::to_string).collect()),
            "{case}"
        );
        assert!(identity.cached(KIND, &long).is_some(), "{case}: the new one is there");
        // Once more, so that the memory of this thread has it too.
        assert!(identity.cached(KIND, &long).is_some(), "{case}");
    };
    let found = identity.find_credential(KIND, &long).await.unwrap();
    assert_eq!(username(&found), Some("ada"));
    store.replace(consumer(1, "lovelace")).await.unwrap();
    expect("the consumer has another name", &mut revision, Some(("lovelace", &["a"]))).await;
    store.delete("acls", id(3)).await.unwrap();
    expect("the consumer left a group", &mut revision, Some(("lovelace", &[]))).await;
    store.replace(key(2, 1, "other")).await.unwrap();
    expect("the credential has another key", &mut revision, None).await;
    store.replace(key(2, 1, &long)).await.unwrap();
    expect("and its old one again", &mut revision, Some(("lovelace", &[]))).await;
    store.delete("consumers", id(1)).await.unwrap();
    expect("the consumer is gone, and the credential with it", &mut revision, None).await;
    identity.invalidate_changes(&Changes::TooOld).await;
    expect("anything may have changed", &mut revision, None).await;
}

#[tokio::test]
async fn a_consumer_is_found_by_id_or_username() {
    let (store, identity) = fresh().await;
    let uuid_like = id(9).to_string();
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(consumer(2, &uuid_like)).await.unwrap();
    for (case, text, want) in [
        ("username", "ada".to_owned(), Some(1)),
        ("id", id(1).to_string(), Some(1)),
        ("a username that looks like an id", uuid_like, Some(2)),
        ("nobody", "bob".to_owned(), None),
    ] {
        let found = identity.find_consumer(&text).await.unwrap();
        assert_eq!(found.map(|found| found.id), want.map(id), "{case}");
    }
    store.replace(consumer(1, "bob")).await.unwrap();
    catch_up(&store, &identity, 2).await;
    assert!(identity.find_consumer("ada").await.unwrap().is_none());
    assert_eq!(identity.find_consumer("bob").await.unwrap().unwrap().id, id(1));
    assert_eq!(
        identity.find_consumer(&id(1).to_string()).await.unwrap().unwrap().username.as_deref(),
        Some("bob")
    );
}

#[tokio::test]
async fn a_credential_ends_at_its_second_though_it_is_cached() {
    let (store, identity) = fresh().await;
    store.insert(consumer(1, "ada")).await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let mut credential = key(2, 1, "short");
    credential.document.insert("expires_at".into(), json!(now + 2));
    credential.expires_at = Some(now + 2);
    store.insert(credential).await.unwrap();
    assert!(identity.find_credential(KIND, "short").await.unwrap().is_some());
    let ended = async {
        while identity.cached(KIND, "short").is_none_or(|known| known.is_some()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends without any message");
}

#[tokio::test]
async fn a_look_up_that_a_change_overtook_is_not_believed() {
    let (store, identity) = fresh().await;
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(key(2, 1, "k")).await.unwrap();
    let name = identity.inner.name(KIND, "k");
    let stale = Arc::new(identity.inner.load(&name, "k").await.unwrap());
    store.delete(KIND, id(2)).await.unwrap();
    catch_up(&store, &identity, 2).await;
    // The look-up stores what it read before the delete, after the feed was worked off.
    identity.inner.known.insert(name.text(), stale).await;
    assert!(identity.cached(KIND, "k").is_none());
    assert!(identity.find_credential(KIND, "k").await.unwrap().is_none());
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_look_up() {
    let (store, identity) = fresh().await;
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(key(2, 1, "k")).await.unwrap();
    let asking = (0..200).map(|_| {
        let identity = identity.clone();
        tokio::spawn(async move { identity.find_credential(KIND, "k").await.unwrap().unwrap() })
    });
    let asking: Vec<_> = asking.collect();
    let mut answers = Vec::new();
    for one in asking {
        answers.push(one.await.unwrap());
    }
    assert!(answers.iter().all(|answer| Arc::ptr_eq(answer, &answers[0])), "all have the same answer");
}

#[tokio::test]
async fn a_flood_of_invented_keys_pushes_no_real_one_out() {
    let store = Store::connect(&StoreSettings::Memory).await.unwrap();
    store.migrate().await.unwrap();
    let limits = IdentityLimits { known: 100, unknown: 50, ..IdentityLimits::default() };
    let identity = Identity::with_limits(store.clone(), limits);
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(key(2, 1, "real")).await.unwrap();
    identity.find_credential(KIND, "real").await.unwrap();
    for number in 0..2_000 {
        identity.find_credential(KIND, &format!("invented {number}")).await.unwrap();
    }
    identity.inner.unknown.run_pending_tasks().await;
    assert!(identity.inner.unknown.entry_count() <= 50, "bounded");
    assert!(identity.inner.known.contains_key(identity.inner.name(KIND, "real").text().as_str()));
}

async fn on_postgres() -> (Postgres, StoreSettings, Store) {
    let server = Postgres::start().unwrap();
    let settings = StoreSettings::Url(SecretString::from(server.database().unwrap()));
    let store = Store::connect(&settings).await.unwrap();
    store.migrate().await.unwrap();
    store.insert(consumer(1, "ada")).await.unwrap();
    store.insert(key(2, 1, "known")).await.unwrap();
    store.insert(key(3, 1, "gone")).await.unwrap();
    store.insert(key(4, 1, "never asked")).await.unwrap();
    (server, settings, store)
}

#[tokio::test]
async fn while_the_store_is_away_the_known_go_on_and_the_unknown_are_told() {
    let (server, _, store) = on_postgres().await;
    let limits = IdentityLimits { known_for: Duration::ZERO, ..IdentityLimits::default() };
    let identity = Identity::with_limits(store.clone(), limits);
    for key in ["known", "gone"] {
        assert!(identity.find_credential(KIND, key).await.unwrap().is_some());
    }
    store.delete(KIND, id(3)).await.unwrap();
    catch_up(&store, &identity, 4).await;
    server.stop().unwrap();
    assert!(identity.cached(KIND, "known").is_none(), "too old to be believed without asking");
    let known = identity.find_credential(KIND, "known").await.unwrap();
    assert_eq!(username(&known), Some("ada"), "an old answer is better than none");
    for key in ["gone", "never asked"] {
        let refused = identity.find_credential(KIND, key).await;
        assert!(matches!(refused, Err(IdentityError::Unavailable(_))), "{key}: {refused:?}");
    }
    identity.invalidate_all();
    assert!(identity.find_credential(KIND, "known").await.unwrap().is_some(), "still");
    server.start_again().unwrap();
    let back = async {
        while identity.find_credential(KIND, "never asked").await.is_err() {
            // As the change feed does: no request waits to find out.
            _ = store.revision().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.expect("it recovers by itself");
    assert!(identity.find_credential(KIND, "gone").await.unwrap().is_none());
}

/// A membership of consumer 1 in the group with this number.
fn membership(number: u128, group: u128) -> Record {
    let [consumer, group_id] = [1, group].map(|number| json!({ "id": id(number).to_string() }));
    let fields = json!({ "consumer": consumer, "consumer_group": group_id });
    let mut record = record("consumer_group_consumers", number, fields, None);
    let (field, target, id) = ("consumer_group", "consumer_groups", id(group));
    record.links.push(Link { field, target, id, on_delete: OnDelete::Cascade });
    record
}

#[tokio::test]
async fn a_consumer_knows_its_groups_by_name_and_hears_of_changes() {
    let (store, identity) = fresh().await;
    let named = |number, name: &str| record("consumer_groups", number, json!({ "name": name }), Some("name"));
    for new in [consumer(1, "ada"), key(2, 1, "secret"), named(3, "silver"), named(4, "gold")] {
        store.insert(new).await.unwrap();
    }
    let groups = async || {
        let by_key = identity.find_credential(KIND, "secret").await.unwrap().unwrap();
        let by_name = identity.find_consumer("ada").await.unwrap().unwrap();
        assert_eq!(by_key.consumer.groups, by_name.groups);
        by_key.consumer.groups.to_vec()
    };
    assert!(groups().await.is_empty());
    for (member, want) in [(membership(5, 3), vec![id(3)]), (membership(6, 4), vec![id(4), id(3)])] {
        let revision = store.insert(member).await.unwrap();
        catch_up(&store, &identity, revision - 1).await;
        assert_eq!(groups().await, want, "gold before silver");
    }
    let renamed = store.replace(named(4, "wood")).await.unwrap();
    catch_up(&store, &identity, renamed - 1).await;
    assert_eq!(groups().await, [id(3), id(4)], "silver before wood");
    catch_up(&store, &identity, store.delete("consumer_groups", id(3)).await.unwrap() - 1).await;
    assert_eq!(groups().await, [id(4)]);
}
