//! What is written down, and that nothing passes by.

use serde_json::{Value, json};

use super::{Admin, AdminSettings};
use crate::config::{AccessSettings, AuditMode, AuditSettings};
use crate::model::REDACTED;

impl Admin {
    async fn requests(&self) -> Vec<Value> {
        self.get("/audit/requests").await.body["data"].as_array().unwrap().clone()
    }

    async fn objects(&self) -> Vec<Value> {
        self.get("/audit/objects").await.body["data"].as_array().unwrap().clone()
    }

    async fn verified(&self) -> crate::store::Verified {
        self.state.store.whole().verify_records(None).await.unwrap()
    }
}

#[tokio::test]
async fn every_call_that_would_change_something_is_written_down() {
    let admin = Admin::new().await;
    let mut want = Vec::new();
    for (method, path, body) in [
        ("POST", "/services", json!({"name": "s", "host": "a.test"})),
        ("POST", "/services", json!({"name": "s", "host": "a.test"})),
        ("POST", "/services", json!({})),
        ("PATCH", "/services/s", json!({"host": "b.test"})),
        ("PATCH", "/services/nobody", json!({"host": "b.test"})),
        ("PUT", "/services/t", json!({"host": "c.test"})),
        ("POST", "/services/s/routes", json!({"paths": ["/"]})),
        ("POST", "/schemas/services/validate", json!({"host": "x.test"})),
        ("DELETE", "/services/nobody", Value::Null),
        ("DELETE", "/services/s", Value::Null),
        ("DELETE", "/cache", Value::Null),
        ("POST", "/nowhere", json!({})),
        ("DELETE", "/status", Value::Null),
        ("POST", "/custom-plugins", json!({"name": "x"})),
    ] {
        let reply = admin.json(method, path, body).await;
        want.push((method, path, u64::from(reply.status)));
        let request_id = reply.headers["x-kong-admin-request-id"].to_str().unwrap().to_owned();
        let last = admin.requests().await.remove(0);
        assert_eq!(last["request_id"], request_id, "{method} {path}");
    }
    admin.get("/services").await;
    admin.call("HEAD", "/services").await;
    admin.call("OPTIONS", "/services").await;
    let mut found = admin.requests().await;
    found.reverse();
    let told: Vec<_> = found
        .iter()
        .map(|row| {
            (row["method"].as_str().unwrap(), row["path"].as_str().unwrap(), row["status"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(told, want);
    assert!(found.iter().all(|row| row["actor"] == "anonymous"));
    assert_eq!(admin.verified().await.fault, None);
}

#[tokio::test]
async fn changes_are_told_before_and_after_without_secrets() {
    let admin = Admin::new().await;
    admin.make("/consumers", json!({"username": "c"})).await;
    admin.make("/consumers/c/key-auth", json!({"key": "s3cret-key"})).await;
    admin.json("PATCH", "/consumers/c/key-auth/s3cret-key", json!({"tags": ["t"]})).await;
    admin.json("PATCH", "/key-auths/s3cret-none", json!({"tags": ["t"]})).await;
    admin.make("/consumers/c/basic-auth", json!({"username": "u", "password": "s3cret"})).await;
    admin.call("DELETE", "/consumers/c").await;
    let objects = admin.objects().await;
    let told: Vec<_> = objects
        .iter()
        .map(|object| (object["operation"].as_str().unwrap(), object["dao_name"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told[..3].iter().collect::<std::collections::BTreeSet<_>>(),
        [("delete", "basicauth_credentials"), ("delete", "consumers"), ("delete", "keyauth_credentials")]
            .iter()
            .collect(),
        "what goes with it is told too"
    );
    let update = &objects[4];
    assert_eq!((update["operation"].as_str(), &update["after"]["tags"]), (Some("update"), &json!(["t"])));
    assert_eq!((&update["before"]["tags"], &update["before"]["key"]), (&Value::Null, &json!(REDACTED)));
    let everything = format!("{objects:?}{:?}", admin.requests().await);
    assert!(!everything.contains("s3cret"), "{everything}");
}

#[tokio::test]
async fn pages_lead_from_the_newest_to_the_oldest() {
    let admin = Admin::new().await;
    for number in 0..5 {
        admin.make("/services", json!({"host": format!("{number}.test")})).await;
    }
    let (mut path, mut seen) = ("/audit/requests?size=2".to_owned(), Vec::new());
    loop {
        let page = admin.get(&path).await.body;
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["seq"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        path = next.to_owned();
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    assert_eq!(admin.get("/audit/requests?offset=x").await.body["code"], 7);
    assert_eq!(admin.json("POST", "/audit/requests", json!({})).await.status, 405);
    assert_eq!(admin.call("DELETE", "/audit/requests").await.status, 405, "nobody rewrites it");
}

#[tokio::test]
async fn what_was_forgotten_leaves_a_whole_chain() {
    let admin = Admin::new().await;
    for number in 0..6 {
        admin.make("/services", json!({"host": format!("{number}.test")})).await;
    }
    let store = admin.state.store.whole();
    let whole = admin.verified().await;
    assert_eq!(store.forget_records(i64::MIN, 4).await.unwrap(), 2);
    let rest = admin.verified().await;
    assert_eq!((rest.rows, rest.forgotten, &rest.fault), (4, 2, &None));
    assert_eq!(rest.head, whole.head);
    assert_eq!(store.forget_records(i64::MAX, i64::MAX).await.unwrap(), 4);
    admin.make("/services", json!({"host": "a.test"})).await;
    let last = admin.verified().await;
    assert_eq!((last.rows, last.forgotten, last.fault), (1, 6, None));
    assert!(store.verify_records(Some(&whole.head)).await.unwrap().fault.is_none(), "its digest was kept");
    let other = store.verify_records(Some("0000")).await.unwrap().fault;
    assert!(other.unwrap().contains("not in it"));
}

#[tokio::test]
async fn the_log_can_be_switched_off() {
    let audit = AuditSettings { mode: AuditMode::Off, ..AuditSettings::default() };
    let access = AccessSettings { audit, ..AccessSettings::default() };
    let admin = Admin::with(AdminSettings { access, ..AdminSettings::default() }).await;
    admin.make("/services", json!({"host": "a.test"})).await;
    admin.json("POST", "/services", json!({})).await;
    assert_eq!(admin.requests().await, Vec::<Value>::new());
}
