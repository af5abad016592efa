//! Groups, the workspace, and what is switched off, as Kong answers for them.

use serde_json::json;

use crate::admin::tests::Admin;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn groups_have_members() {
    let admin = Admin::new().await;
    let bob = admin.make("/consumers", json!({"username": "bob"})).await;
    admin.make("/consumers", json!({"username": "eve"})).await;
    let gold = admin.make("/consumer_groups", json!({"name": "gold"})).await;
    admin.make("/consumer_groups", json!({"name": "tin"})).await;
    let joined = admin.json("POST", "/consumer_groups/gold/consumers", json!({"consumer": "bob"})).await;
    assert_eq!(
        (joined.status, &joined.body["consumer_group"]["id"], &joined.body["consumers"][0]["id"]),
        (201, &json!(gold), &json!(bob))
    );
    let again = admin.json("POST", "/consumer_groups/gold/consumers", json!({"consumer": bob})).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!(5)), "{}", again.body);
    let both =
        admin.json("POST", "/consumer_groups/tin/consumers", json!({"consumer": ["bob", "eve"]})).await;
    assert_eq!(both.body["consumers"].as_array().map(Vec::len), Some(2), "{}", both.body);
    let group = admin.json("POST", "/consumers/eve/consumer_groups", json!({"group": "gold"})).await;
    assert_eq!((group.status, &group.body["consumer_groups"][0]["name"]), (201, &json!("gold")));
    for (path, name, count) in [
        ("/consumer_groups/gold/consumers", "consumers", 2),
        ("/consumers/bob/consumer_groups", "consumer_groups", 2),
        ("/consumers/eve/consumer_groups/tin", "consumer_groups", 1),
        ("/consumer_groups/gold", "consumers", 2),
        ("/consumer_groups", "data", 2),
    ] {
        let found = admin.get(path).await.body;
        assert_eq!(found[name].as_array().map(Vec::len), Some(count), "{path}: {found}");
    }
    for (method, path, status) in [
        ("POST", "/consumer_groups/gold/consumers", 400),
        ("DELETE", "/consumer_groups/gold/consumers/bob", 204),
        ("GET", "/consumer_groups/gold/consumers/bob", 404),
        ("DELETE", "/consumers/eve/consumer_groups", 204),
        ("GET", "/consumer_groups/gold/consumers/eve", 404),
        ("DELETE", "/consumer_groups/tin", 204),
        ("GET", "/consumers/bob/consumer_groups/tin", 404),
    ] {
        assert_eq!(admin.json(method, path, json!({})).await.status, status, "{method} {path}");
    }
    assert_eq!(admin.get("/consumers/bob/consumer_groups").await.body["consumer_groups"], json!([]));
}

#[tokio::test]
async fn everything_is_in_the_one_workspace() {
    let admin = Admin::new().await;
    let found = admin.get("/workspaces/default").await.body;
    assert_eq!(found["id"], "0dc6f45b-8f8d-40d2-a504-473544ee190b");
    assert!(found["created_at"].as_i64().unwrap() > 1_700_000_000, "{found}");
    assert_eq!(admin.get("/workspaces").await.body["data"], json!([found]));
    assert_eq!(admin.json("POST", "/workspaces", json!({"name": "x"})).await.status, 405);
    admin.make("/default/services", json!({"name": "s", "host": "a"})).await;
    assert_eq!(admin.get("/services/s").await.status, 200);
    assert_eq!(admin.get("/other/services").await.status, 404);
}

#[tokio::test]
async fn what_is_switched_off_says_so() {
    let admin = Admin::new().await;
    let wasm = "this endpoint is only available when wasm is enabled";
    let plane =
        "this endpoint is only available when Kong is configured to run as Control Plane for the cluster";
    let tags = "schema violation (tags: does not support insert/upsert/update/delete operations)";
    for (method, path, status, message) in [
        ("GET", "/filter-chains", 400, wasm),
        ("POST", "/routes/x/filter-chains", 400, wasm),
        ("GET", "/routes/x/filters/all", 400, wasm),
        ("GET", "/clustering/data-planes", 400, plane),
        ("GET", "/clustering/status", 400, plane),
        ("POST", "/tags", 400, tags),
        ("PUT", "/tags/x", 400, tags),
        ("DELETE", "/tags/x", 400, tags),
        ("GET", "/cache/x", 404, "Not found"),
        ("GET", "/debug/node/log-level", 200, "log level: notice"),
        ("DELETE", "/timers", 405, "Method not allowed"),
    ] {
        let reply = admin.call(method, path).await;
        let said = reply.body["message"].as_str();
        assert_eq!((reply.status, said), (status, Some(message)), "{method} {path}");
    }
    assert_eq!(admin.get("/timers").await.body["stats"]["sys"]["running"], 0);
    assert_eq!(admin.get("/status/dns").await.body["stats"]["a.test|A"]["query"], 2);
    assert_eq!(admin.call("DELETE", "/cache/x").await.status, 204);
    assert_eq!(admin.call("DELETE", "/cache").await.status, 204);
    assert_eq!(admin.forgotten.load(std::sync::atomic::Ordering::Relaxed), 1, "the node was told");
    assert_eq!(admin.get(&format!("/services/{NOBODY}/plugins")).await.status, 404);
}
