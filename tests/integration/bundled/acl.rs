//! Kong's `acl` through the real process, behind `key-auth`.

use gateway_tests::{Gateway, Upstream};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// A route that asks for a key, with consumers of which each has its name for a key, and these groups.
async fn site(
    gateway: &Gateway,
    upstream: &Upstream,
    (authentication, config): (Value, Value),
) -> anyhow::Result<()> {
    for (name, groups) in
        [("ann", &["pro", "staff"][..]), ("bob", &["free"]), ("eve", &[]), ("guest", &["open"])]
    {
        gateway.apply(Method::POST, "/consumers", &json!({ "username": name })).await?;
        gateway.apply(Method::POST, &format!("/consumers/{name}/key-auth"), &json!({ "key": name })).await?;
        for group in groups {
            let body = json!({ "group": group });
            gateway.apply(Method::POST, &format!("/consumers/{name}/acls"), &body).await?;
        }
    }
    serve(gateway, "shop", &upstream.url()).await?;
    assign(gateway, "shop", &json!({ "name": "key-auth", "config": authentication })).await?;
    assign(gateway, "shop", &json!({ "name": "acl", "config": config })).await?;
    gateway
        .wait_for("the plugins are live", PATIENCE, "/shop?apikey=bob", |answer| answer.status == 403)
        .await?;
    Ok(())
}

/// The groups that the upstream was told with the last request, in order.
#[expect(clippy::expect_used, reason = "the assertion of a test")]
fn told(upstream: &Upstream) -> Option<Vec<String>> {
    let seen = upstream.seen().pop().expect("one request");
    let value = seen.headers.get("x-consumer-groups").and_then(|value| value.to_str().ok());
    let mut groups: Vec<_> = value?.split(", ").map(str::to_owned).collect();
    groups.sort();
    Some(groups)
}

#[tokio::test]
async fn groups_that_are_allowed_are_let_in() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    site(&gateway, &upstream, (json!({ "anonymous": "guest" }), json!({ "allow": ["pro", "open"] }))).await?;
    for (case, target, groups) in [
        ("a member", "/shop?apikey=ann", &["pro", "staff"][..]),
        ("the anonymous consumer", "/shop", &["open"]),
    ] {
        let answer = gateway.get(target, &[("x-consumer-groups", "forged")]).await?;
        assert_eq!(answer.status, 200, "{case}: {}", answer.text());
        assert_eq!(told(&upstream).unwrap_or_default(), groups, "{case}");
    }
    for (case, target) in [("another group", "/shop?apikey=bob"), ("no group", "/shop?apikey=eve")] {
        let answer = gateway.get(target, &[("x-consumer-groups", "pro")]).await?;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["message"]),
            (403, &json!("You cannot consume this service")),
            "{case}"
        );
    }
    // Who joins is let in at once.
    gateway.apply(Method::POST, "/consumers/bob/acls", &json!({ "group": "pro" })).await?;
    gateway.wait_for("bob is let in", PATIENCE, "/shop?apikey=bob", |answer| answer.status == 200).await?;
    Ok(())
}

#[tokio::test]
async fn groups_that_are_denied_are_kept_out() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    let config = json!({ "deny": ["free", "open"], "hide_groups_header": true });
    site(&gateway, &upstream, (json!({ "anonymous": "guest" }), config)).await?;
    for (target, status) in [("/shop?apikey=ann", 200), ("/shop?apikey=eve", 200), ("/shop", 403)] {
        let answer = gateway.get(target, &[("x-consumer-groups", "forged")]).await?;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
    }
    assert_eq!(told(&upstream), None, "hidden, and not what the caller said");
    Ok(())
}

#[tokio::test]
async fn a_caller_whom_nobody_knows_is_asked_to_authenticate() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    assign(&gateway, "shop", &json!({ "name": "acl", "config": { "allow": ["pro"] } })).await?;
    gateway.wait_for("the plugin is live", PATIENCE, "/shop", |answer| answer.status == 401).await?;
    for (config, words) in [
        (json!({}), "at least one of these fields must be non-empty: 'config.allow', 'config.deny'"),
        (json!({ "allow": ["a"], "deny": ["b"] }), "exactly one of these fields must be non-empty"),
    ] {
        let answer =
            gateway.admin(Method::POST, "/plugins", &json!({ "name": "acl", "config": config })).await?;
        assert_eq!(answer.status, 400, "{config}: {}", answer.text());
        assert!(answer.text().contains(words), "{config}: {}", answer.text());
    }
    Ok(())
}
