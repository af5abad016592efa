//! `/config` in process: plugins that were uploaded, and what components say of configurations.

use serde_json::{Value, json};

use super::{Admin, AdminSettings, Reply};
use crate::admin::DbLess;

async fn without_database() -> Admin {
    Admin::with(AdminSettings { dbless: Some(DbLess::new()), ..AdminSettings::default() }).await
}

async fn post(admin: &Admin, config: &Value) -> Reply {
    admin.json("POST", "/config", json!({ "config": config })).await
}

fn greeting(text: &str) -> Value {
    json!({ "_format_version": "3.0", "plugins": [{ "name": "greet", "config": { "greeting": text } }] })
}

async fn upload(admin: &Admin) {
    let schema = json!({ "type": "object", "properties": { "greeting": { "type": "string" } } });
    let component = json!({ "name": "greet", "version": "1.0.0", "schema": schema }).to_string();
    let reply = admin.typed("POST", "/custom-plugins", "application/wasm", component).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
}

#[tokio::test]
async fn uploads_work_beside_the_file() {
    let admin = without_database().await;
    let unknown = post(&admin, &greeting("hello")).await;
    let text = "plugin 'greet' not enabled; add it to the 'plugins' configuration property";
    assert_eq!((unknown.status, &unknown.body["fields"]["plugins"][0]["name"]), (400, &json!(text)));
    upload(&admin).await;
    let loaded = post(&admin, &greeting("hello")).await;
    assert_eq!(loaded.status, 201, "{}", loaded.body);
    let held = admin.call("DELETE", "/custom-plugins/greet").await;
    assert_eq!(held.status, 400, "an assignment holds it: {}", held.body);
    let emptied = post(&admin, &json!({ "_format_version": "3.0" })).await;
    assert_eq!(emptied.status, 201);
    assert_eq!(admin.get("/custom-plugins/greet").await.status, 200, "a file says nothing of uploads");
    assert_eq!(admin.get("/plugins").await.body["data"], json!([]));
    assert_eq!(admin.get("/workspaces/default").await.status, 200);
}

#[tokio::test]
async fn components_are_asked_about_their_configurations() {
    let admin = without_database().await;
    upload(&admin).await;
    for (case, config, path, want) in [
        ("refused", "forbidden", "/plugins/0/config/greeting", "is not polite"),
        (
            "broke off",
            "breaks",
            "/plugins/0/config",
            "the plugin failed while it was configured: the plugin trapped: unreachable",
        ),
        (
            "not granted",
            "fetch",
            "/plugins/0/sandbox/grants",
            "the plugin needs capabilities that are not granted: http-client",
        ),
    ] {
        let refused = post(&admin, &greeting(config)).await;
        assert_eq!(refused.status, 400, "{case}");
        assert_eq!(refused.body["fields"].pointer(path), Some(&json!(want)), "{case}: {}", refused.body);
        let told = refused.body["faults"][0]["path"].as_str().unwrap();
        assert!(told.starts_with("plugins[0]."), "{case}: {told}");
    }
    assert_eq!(admin.get("/plugins").await.body["data"], json!([]));
}

#[tokio::test]
async fn one_configuration_after_the_other() {
    let admin = without_database().await;
    let file = |name: &str| json!({ "_format_version": "3.0", "consumers": [{ "username": name }] });
    assert_eq!(admin.get("/status").await.body["configuration_hash"], "0".repeat(32));
    let first = post(&admin, &file("a")).await;
    let made = first.body["consumers"].as_object().unwrap().values().next().unwrap().clone();
    assert_eq!(made["username"], "a");
    let hash = admin.get("/status").await.body["configuration_hash"].clone();
    assert_eq!(post(&admin, &file("a")).await.status, 201);
    assert_eq!(admin.get("/status").await.body["configuration_hash"], hash);
    assert_eq!(admin.get("/consumers/a").await.body, made, "nothing was written anew");
    post(&admin, &file("b")).await;
    assert_eq!(admin.get("/consumers/a").await.status, 404);
    assert_ne!(admin.get("/status").await.body["configuration_hash"], hash);
    let shown = admin.get("/config").await.body["config"].as_str().unwrap().to_owned();
    assert!(shown.contains("username: b") && !shown.contains("username: a"), "{shown}");
}

#[tokio::test]
async fn with_a_database_there_is_no_configuration() {
    let admin = Admin::new().await;
    for method in ["GET", "POST"] {
        let reply = admin.json(method, "/config", json!({})).await;
        let want = "this endpoint is only available when Kong is configured to not use a database";
        assert_eq!((reply.status, &reply.body["message"]), (400, &json!(want)), "{method}");
    }
}

#[tokio::test]
async fn a_configuration_is_written_down_entity_by_entity() {
    let admin = without_database().await;
    let file = |host: &str| json!({ "_format_version": "3.0", "services": [{ "name": "s", "host": host }] });
    for config in [file("one.test"), file("two.test"), file("two.test"), json!({ "_format_version": "3.0" })]
    {
        let reply = post(&admin, &config).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    let page = admin.get("/audit/requests").await.body;
    let told = |row: &Value| (row["path"].clone(), row["status"].clone(), row["objects_count"].clone());
    let told: Vec<_> = page["data"].as_array().unwrap().iter().map(told).collect();
    // Each has the text that is in force beside its entities; one that changes nothing is a call all the same.
    let row = |objects: Value| (json!("/config"), json!(201), objects);
    assert_eq!(told, [row(json!(2)), row(Value::Null), row(json!(2)), row(json!(2))]);
    let objects = admin.get("/audit/objects").await.body;
    let of_services = |object: &&Value| object["dao_name"] == "services";
    let hosts = objects["data"].as_array().unwrap().iter().filter(of_services).map(|object| {
        (object["operation"].clone(), object["before"]["host"].clone(), object["after"]["host"].clone())
    });
    let (one, two) = (json!("one.test"), json!("two.test"));
    assert_eq!(
        hosts.collect::<Vec<_>>(),
        [
            (json!("delete"), two.clone(), Value::Null),
            (json!("update"), one.clone(), two),
            (json!("create"), Value::Null, one),
        ]
    );
    assert_eq!(admin.state.store.whole().verify_records(None).await.unwrap().fault, None);
}
