//! `ip-restriction`, by the address of the connection and by that which a trusted peer names.

use gateway_tests::{Upstream, eventually};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, gateway, serve};

#[tokio::test]
async fn clients_are_let_in_by_their_address() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().set("WEIR_TRUSTED_IPS", "127.0.0.0/8").start().await?;
    serve(&gateway, "shop", &upstream.url()).await?;
    let config = json!({ "allow": ["127.0.0.0/8", "2001:db8::/32"], "deny": ["127.0.0.9", "2001:db8::9"] });
    let made = assign(&gateway, "shop", &json!({ "name": "ip-restriction", "config": config })).await?;
    assert_eq!(made["config"]["status"], json!(null), "{made}");
    let refused = || async {
        let answer = gateway.get("/shop", &[("x-real-ip", "127.0.0.9")]).await;
        answer.is_ok_and(|answer| answer.status == 403)
    };
    eventually("the plugin is live", PATIENCE, refused).await?;
    for (case, client, status) in [
        ("of the connection", None, 200),
        ("allowed", Some("2001:db8::1"), 200),
        ("denied", Some("2001:db8::9"), 403),
        ("in neither list", Some("192.0.2.1"), 403),
        ("IPv4 written as IPv6", Some("::ffff:127.0.0.2"), 200),
        ("denied as well", Some("::ffff:127.0.0.9"), 403),
    ] {
        let headers: Vec<_> = client.map(|client| ("x-real-ip", client)).into_iter().collect();
        let before = upstream.seen().len();
        let answer = gateway.get("/shop", &headers).await?;
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        assert_eq!(upstream.seen().len() - before, usize::from(status == 200), "{case}");
    }
    let answer = gateway.get("/shop", &[("x-real-ip", "192.0.2.1")]).await?;
    assert_eq!(answer.json()["message"], json!("IP address not allowed: 192.0.2.1"));

    let id = made["id"].as_str().unwrap_or_default();
    let change = json!({ "config": { "allow": null, "status": 401, "message": "Forbidden" } });
    gateway.apply(Method::PATCH, &format!("/plugins/{id}"), &change).await?;
    let changed = || async {
        let answer = gateway.get("/shop", &[("x-real-ip", "2001:db8::9")]).await;
        answer.is_ok_and(|answer| answer.status == 401 && answer.json()["message"] == json!("Forbidden"))
    };
    eventually("the change is live", PATIENCE, changed).await?;
    assert_eq!(gateway.get("/shop", &[("x-real-ip", "192.0.2.1")]).await?.status, 200, "only `deny` is left");
    Ok(())
}

#[tokio::test]
async fn lists_that_say_nothing_are_refused() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let neither = "at least one of these fields must be non-empty: 'config.allow', 'config.deny'";
    for (config, words) in [
        (json!({ "allow": [], "deny": [] }), neither),
        (json!({ "allow": ["127.0.0.1", "hello"] }), "invalid ip or cidr range: 'hello'"),
        (json!({ "deny": ["0.0.0.0/33"] }), "invalid ip or cidr range: '0.0.0.0/33'"),
    ] {
        let body = json!({ "name": "ip-restriction", "config": config });
        let answer = gateway.admin(Method::POST, "/plugins", &body).await?;
        assert_eq!(answer.status, 400, "{config}: {}", answer.text());
        assert!(answer.text().contains(words), "{config}: {}", answer.text());
    }
    Ok(())
}
