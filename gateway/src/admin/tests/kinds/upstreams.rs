//! Upstreams and their targets, as Kong answers for them.

use serde_json::{Value, json};

use super::judge;
use crate::admin::tests::{Admin, NOW};

#[tokio::test]
async fn upstreams_agree_with_themselves() {
    let admin = Admin::new().await;
    let made = admin.json("POST", "/upstreams", json!({"name": "u.test"})).await.body;
    assert_eq!(
        (&made["algorithm"], &made["hash_on"], &made["slots"], &made["hash_on_cookie_path"]),
        (&json!("round-robin"), &json!("none"), &json!(10000), &json!("/"))
    );
    let checks = &made["healthchecks"];
    assert_eq!(
        (&checks["threshold"], &checks["active"]["concurrency"], &checks["active"]["headers"]),
        (&json!(0), &json!(10), &json!(null))
    );
    assert_eq!(checks["passive"]["unhealthy"]["http_statuses"], json!([429, 500, 503]));
    let patched = json!({"healthchecks": {"active": {"type": "tcp"}}});
    let patched = admin.json("PATCH", "/upstreams/u.test", patched).await.body;
    assert_eq!(patched["healthchecks"]["active"]["type"], "tcp");
    assert_eq!(patched["healthchecks"]["active"]["concurrency"], 10, "the rest stays");
    for (case, sent, algorithm, hash_on) in [
        (
            "least connections hash nothing",
            json!({"algorithm": "least-connections"}),
            "least-connections",
            "none",
        ),
        ("a hash makes it consistent", json!({"hash_on": "ip"}), "consistent-hashing", "ip"),
        (
            "least connections beside none stay",
            json!({"algorithm": "least-connections", "hash_on": "none"}),
            "least-connections",
            "none",
        ),
        ("none makes it round", json!({"hash_on": "none"}), "round-robin", "none"),
        ("null is none", json!({"algorithm": "latency", "hash_on": null}), "latency", "none"),
    ] {
        let found = admin.json("PATCH", "/upstreams/u.test", sent).await.body;
        assert_eq!((&found["algorithm"], &found["hash_on"]), (&json!(algorithm), &json!(hash_on)), "{case}");
    }
}

#[tokio::test]
async fn upstreams_are_judged() {
    let admin = Admin::new().await;
    let conditional =
        |field: &str| json!([format!("failed conditional validation given value of field '{field}'")]);
    judge(
        &admin,
        "/upstreams",
        &[
            ("no name", json!({}), json!({"name": "required field missing"})),
            (
                "an address",
                json!({"name": "1.2.3.4"}),
                json!({"name": "Invalid name ('1.2.3.4'); no ip addresses allowed"}),
            ),
            (
                "a header to hash on",
                json!({"name": "a", "hash_on": "header"}),
                json!({"@entity": conditional("hash_on"), "hash_on_header": "required field missing"}),
            ),
            (
                "a fallback of nothing",
                json!({"name": "a", "hash_fallback": "ip"}),
                json!({"@entity": conditional("hash_on"), "hash_fallback": "expected one of: none"}),
            ),
            (
                "the same header twice",
                json!({"name": "a", "hash_on": "header", "hash_on_header": "x", "hash_fallback": "header",
                    "hash_fallback_header": "x"}),
                json!({"@entity": ["values of these fields must be distinct: 'hash_on_header', 'hash_fallback_header'"]}),
            ),
            (
                "a probe out of range",
                json!({"name": "a", "healthchecks": {"active": {"timeout": 70000}}}),
                json!({"healthchecks": {"active": {"timeout": "value should be between 0 and 65535"}}}),
            ),
            ("good", json!({"name": "a", "host_header": "x.test:81"}), json!(null)),
        ],
    )
    .await;
}

#[tokio::test]
async fn targets_live_below_their_upstream() {
    let admin = Admin::new().await;
    let upstream = admin.make("/upstreams", json!({"name": "u"})).await;
    admin.make("/upstreams", json!({"name": "other"})).await;
    let made = admin.json("POST", "/upstreams/u/targets", json!({"target": "a.test"})).await;
    assert_eq!(
        (made.status, &made.body["target"], &made.body["weight"], &made.body["upstream"]),
        (201, &json!("a.test:8000"), &json!(100), &json!({"id": upstream}))
    );
    admin.state.clock.set_unix_ms(NOW * 1000 + 1234);
    admin.make("/upstreams/u/targets", json!({"target": "b.test:80", "weight": 0})).await;
    let list = admin.get("/upstreams/u/targets").await.body;
    let names: Vec<&Value> =
        list["data"].as_array().unwrap().iter().map(|target| &target["target"]).collect();
    assert_eq!(names, ["b.test:80", "a.test:8000"], "the newest comes first");
    assert_eq!(list["data"][0]["created_at"], json!(4_000_000_001.234));
    let page = admin.get("/upstreams/u/targets?size=1").await.body;
    assert_eq!((&page["next"], &page["offset"]), (&json!("/upstreams/u/targets?offset=1"), &json!("1")));
    let rest = admin.get("/upstreams/u/targets?offset=1").await.body;
    assert_eq!((&rest["data"][0]["target"], &rest["next"]), (&json!("a.test:8000"), &json!(null)));
    assert_eq!(admin.get("/upstreams/u/targets?offset=x").await.body["code"], 7);
    assert_eq!(admin.get("/upstreams/u/targets/all").await.body["data"].as_array().unwrap().len(), 2);
    let again = admin.json("POST", "/upstreams/u/targets", json!({"target": "a.test:8000"})).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!(5)), "{}", again.body);
    assert_eq!(admin.json("POST", "/upstreams/other/targets", json!({"target": "a.test"})).await.status, 201);
    for (method, path, status) in [
        ("GET", "/upstreams/u/targets/b.test:80", 200),
        ("GET", "/upstreams/other/targets/b.test:80", 404),
        ("PUT", "/upstreams/u/targets/none.test:80", 404),
        ("PUT", "/upstreams/u/targets/b.test:80", 200),
        ("DELETE", "/upstreams/other/targets/b.test:80", 404),
        ("DELETE", "/upstreams/u/targets/b.test:80", 204),
        ("DELETE", "/upstreams/u/targets/b.test:80", 404),
        ("GET", "/targets", 404),
        ("POST", "/upstreams/u/targets/a.test:8000/healthy", 405),
        ("PUT", "/upstreams/u/targets/x.test:1/healthy", 404),
    ] {
        let reply = admin.json(method, path, json!({"weight": 7})).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
    }
    let health = admin.get("/upstreams/u/health").await.body;
    assert_eq!(
        (&health["data"][0]["target"], &health["data"][0]["health"], &health["node_id"]),
        (&json!("a.test:8000"), &json!("HEALTHCHECKS_OFF"), &json!(admin.state.settings.node_id))
    );
    let balancer = admin.get("/upstreams/u/health?balancer_health=1").await.body;
    assert_eq!(balancer["data"], json!({"id": upstream, "health": "HEALTHCHECKS_OFF"}));
    let told = admin.call("PUT", "/upstreams/u/targets/a.test:8000/healthy").await;
    assert_eq!((told.status, &told.body["message"]), (400, &json!("Upstream u has no balancer")));
    let bad = admin.json("POST", "/upstreams/u/targets", json!({"target": "a b"})).await.body;
    assert_eq!(bad["fields"]["target"], "Invalid target ('a b'); not a valid hostname or ip address");
    assert_eq!(admin.call("DELETE", "/upstreams/u").await.status, 204, "targets go with it");
}
