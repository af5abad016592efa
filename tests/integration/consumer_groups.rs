//! Assignments for groups of consumers, seen by the requests of members and of others.

use gateway_tests::{Gateway, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// A route that asks for a key, and the members `ann` and `bob`, of whom only `ann` is in the group.
async fn site(gateway: &Gateway, upstream: &Upstream) -> anyhow::Result<()> {
    serve(gateway, "shop", &upstream.url()).await?;
    assign(gateway, "shop", &json!({ "name": "key-auth" })).await?;
    for name in ["ann", "bob"] {
        gateway.apply(Method::POST, "/consumers", &json!({ "username": name })).await?;
        gateway.apply(Method::POST, &format!("/consumers/{name}/key-auth"), &json!({ "key": name })).await?;
    }
    gateway.apply(Method::POST, "/consumer_groups", &json!({ "name": "gold" })).await?;
    gateway.apply(Method::POST, "/consumer_groups/gold/consumers", &json!({ "consumer": "ann" })).await?;
    Ok(())
}

/// An assignment that says its level in a response header.
fn level(name: &str, scope: Value) -> Value {
    let mut body = json!({ "name": "response-transformer", "config": { "add": { "headers": [format!("x-level:{name}")] } } });
    for (field, value) in scope.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    body
}

/// Waits until `consumer` meets the assignment of this level.
async fn meets(gateway: &Gateway, consumer: &str, level: &str) -> anyhow::Result<()> {
    let what = format!("{consumer} meets {level:?}");
    eventually(&what, PATIENCE, || async {
        let answer = gateway.get("/shop", &[("apikey", consumer)]).await;
        answer.is_ok_and(|answer| answer.status == 200 && answer.header("x-level") == level)
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn members_meet_the_assignments_of_their_group_by_kongs_levels() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    site(&gateway, &upstream).await?;
    let (group, route, service) =
        (json!({ "name": "gold" }), json!({ "name": "shop" }), json!({ "name": "shop" }));
    // From the least specific to the most specific: each goes before all that were made earlier.
    for (name, scope) in [
        ("route", json!({ "route": route })),
        ("group", json!({ "consumer_group": group })),
        ("consumer", json!({ "consumer": { "username": "ann" } })),
        ("route and service", json!({ "route": route, "service": service })),
        ("service and group", json!({ "service": service, "consumer_group": group })),
        ("route and group", json!({ "route": route, "consumer_group": group })),
        ("service and consumer", json!({ "service": service, "consumer": { "username": "ann" } })),
        ("route and consumer", json!({ "route": route, "consumer": { "username": "ann" } })),
        ("route, service and group", json!({ "route": route, "service": service, "consumer_group": group })),
        (
            "route, service and consumer",
            json!({ "route": route, "service": service, "consumer": { "username": "ann" } }),
        ),
    ] {
        let body = level(name, scope);
        gateway.apply(Method::POST, "/plugins", &body).await?;
        meets(&gateway, "ann", name).await?;
        let twice = gateway.admin(Method::POST, "/plugins", &body).await?;
        assert_eq!(twice.status, 409, "{name}: {}", twice.text());
    }
    meets(&gateway, "bob", "route and service").await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_or_leaves_is_treated_so_at_once() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    site(&gateway, &upstream).await?;
    gateway.apply(Method::POST, "/plugins", &level("everybody", json!({}))).await?;
    let made =
        gateway.apply(Method::POST, "/consumer_groups/gold/plugins", &level("gold", json!({}))).await?;
    meets(&gateway, "ann", "gold").await?;
    meets(&gateway, "bob", "everybody").await?;

    gateway.apply(Method::POST, "/consumer_groups/gold/consumers", &json!({ "consumer": "bob" })).await?;
    meets(&gateway, "bob", "gold").await?;
    gateway.apply(Method::DELETE, "/consumers/ann/consumer_groups/gold", &Value::Null).await?;
    meets(&gateway, "ann", "everybody").await?;

    // Of two groups the first by name counts.
    gateway.apply(Method::POST, "/consumer_groups", &json!({ "name": "amber" })).await?;
    gateway.apply(Method::POST, "/consumer_groups/amber/plugins", &level("amber", json!({}))).await?;
    gateway.apply(Method::POST, "/consumer_groups/amber/consumers", &json!({ "consumer": "bob" })).await?;
    meets(&gateway, "bob", "amber").await?;
    gateway.apply(Method::PATCH, "/consumer_groups/amber", &json!({ "name": "zinc" })).await?;
    meets(&gateway, "bob", "gold").await?;

    let shown = gateway.apply(Method::GET, "/consumer_groups/gold", &Value::Null).await?;
    assert_eq!(shown["plugins"], json!([made]));
    let id = made["id"].as_str().unwrap_or_default();
    let of_plugin =
        gateway.apply(Method::GET, &format!("/plugins/{id}/consumer_group"), &Value::Null).await?;
    assert_eq!(of_plugin, shown["consumer_group"]);
    gateway.apply(Method::DELETE, "/consumer_groups/gold", &Value::Null).await?;
    assert_eq!(gateway.admin(Method::GET, &format!("/plugins/{id}"), &Value::Null).await?.status, 404);
    meets(&gateway, "bob", "amber").await?;

    let refused =
        gateway.admin(Method::POST, "/consumer_groups/zinc/plugins", &json!({ "name": "key-auth" })).await?;
    assert_eq!(refused.status, 400, "who the caller is must be known first");
    assert_eq!(refused.json()["fields"], json!({ "consumer_group": "value must be null" }));
    Ok(())
}
