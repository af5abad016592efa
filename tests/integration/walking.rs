//! The walk from an empty gateway to four plugins on a route, on each database.

use anyhow::Context;
use gateway_tests::{Client, Database, Postgres, Upstream};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, gateway, serve};

#[tokio::test]
async fn four_plugins_run_on_sqlite() -> anyhow::Result<()> {
    four_plugins_run(Database::Sqlite).await
}

#[tokio::test]
async fn four_plugins_run_on_postgres() -> anyhow::Result<()> {
    four_plugins_run(Database::Postgres(Postgres::shared()?.database()?)).await
}

async fn four_plugins_run(database: Database) -> anyhow::Result<()> {
    let upstream = Upstream::saying("hello").await?;
    let gateway = gateway().database(database).start().await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    let log = gateway.prefix().join("requests.log");
    gateway.apply(Method::PUT, "/consumers/joe", &json!({ "custom_id": "j-1" })).await?;
    gateway.apply(Method::POST, "/consumers/joe/key-auth", &json!({ "key": "secret" })).await?;
    for plugin in [
        json!({ "name": "key-auth" }),
        json!({ "name": "rate-limiting", "config": { "minute": 3, "policy": "local" } }),
        json!({ "name": "request-transformer", "config": { "add": { "headers": ["x-added:yes"] } } }),
        json!({ "name": "file-log", "config": { "path": log } }),
    ] {
        let stored = assign(&gateway, "demo", &plugin).await?;
        assert_eq!(stored["enabled"], json!(true), "{stored}");
    }
    gateway.wait_for("key-auth is live", PATIENCE, "/demo", |answer| answer.status == 401).await?;
    let written = || std::fs::read_to_string(&log).unwrap_or_default();
    // The plugins go live one after the other; file-log was the last.
    let logged = || async { gateway.get("/demo", &[]).await.is_ok() && !written().is_empty() };
    gateway_tests::eventually("file-log is live", PATIENCE, logged).await?;
    let refused = gateway.get("/demo", &[]).await?;
    assert_eq!(refused.json()["message"], "No API key found in request");
    assert_eq!(refused.header("www-authenticate"), "Key");
    assert_eq!(gateway.get("/demo", &[("apikey", "wrong")]).await?.json()["message"], "Unauthorized");
    let mut client = Client::connect(gateway.proxy).await?;
    for left in ["2", "1", "0"] {
        let answer = client.get("/demo", &[("apikey", "secret")]).await?;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "hello"));
        assert_eq!(answer.header("x-ratelimit-limit-minute"), "3");
        assert_eq!(answer.header("x-ratelimit-remaining-minute"), left);
    }
    let limited = client.get("/demo", &[("apikey", "secret")]).await?;
    assert_eq!(limited.status, 429);
    assert_eq!(limited.json()["message"], "API rate limit exceeded");
    assert!(!limited.header("retry-after").is_empty());
    let seen = upstream.seen().pop().context("requests came through")?;
    let header = |name: &str| {
        seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    assert_eq!(header("x-consumer-username"), "joe");
    assert_eq!(header("x-consumer-custom-id"), "j-1");
    assert_eq!(header("x-added"), "yes");
    // The probes above are in there too, in no known number; the last request of all was the limited one.
    gateway_tests::eventually("the log has a line for each request", PATIENCE, || async {
        written().contains("\"status\":429")
    })
    .await?;
    let lines: Vec<serde_json::Value> =
        written().lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let proxied =
        lines.iter().find(|line| line["response"]["status"] == 200).context("a proxied request is logged")?;
    assert_eq!(proxied["consumer"]["username"], "joe");
    assert_eq!(proxied["route"]["name"], "demo");
    assert_eq!(proxied["source"], "upstream");
    Ok(())
}

#[tokio::test]
async fn consumer_scoped_plugins_win_once_the_consumer_is_known() -> anyhow::Result<()> {
    let upstream = Upstream::saying("hello").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    for (name, key) in [("joe", "k-joe"), ("ann", "k-ann")] {
        gateway.apply(Method::PUT, &format!("/consumers/{name}"), &json!({})).await?;
        gateway.apply(Method::POST, &format!("/consumers/{name}/key-auth"), &json!({ "key": key })).await?;
    }
    assign(&gateway, "demo", &json!({ "name": "rate-limiting", "config": { "hour": 100 } })).await?;
    let own = json!({ "name": "rate-limiting", "config": { "hour": 7 } , "route": { "name": "demo" } });
    gateway.apply(Method::POST, "/consumers/ann/plugins", &own).await?;
    assign(&gateway, "demo", &json!({ "name": "key-auth" })).await?;
    gateway.wait_for("key-auth is live", PATIENCE, "/demo", |answer| answer.status == 401).await?;
    for (key, limit) in [("k-joe", "100"), ("k-ann", "7")] {
        let answer = gateway.get("/demo", &[("apikey", key)]).await?;
        assert_eq!(answer.header("x-ratelimit-limit-hour"), limit, "{key}");
    }
    Ok(())
}

#[tokio::test]
async fn http_log_and_response_transformer_do_their_work() -> anyhow::Result<()> {
    let upstream = Upstream::saying("hello").await?;
    let sink = Upstream::saying("").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    let log = json!({ "name": "http-log", "config": {
        "http_endpoint": format!("{}/logs", sink.url()), "headers": { "x-token": "t" },
        "queue": { "max_batch_size": 5, "max_coalescing_delay": 0.2 },
    }});
    assign(&gateway, "demo", &log).await?;
    let transformer =
        json!({ "name": "response-transformer", "config": { "add": { "headers": ["x-answer:42"] } } });
    assign(&gateway, "demo", &transformer).await?;
    let added = |answer: &gateway_tests::Answer| answer.header("x-answer") == "42";
    gateway.wait_for("response-transformer is live", PATIENCE, "/demo", added).await?;
    for number in 0..10 {
        gateway.get(&format!("/demo/{number}"), &[]).await?;
    }
    let logged = || {
        let bodies = sink.seen().into_iter().flat_map(|seen| match serde_json::from_slice(&seen.body) {
            Ok(serde_json::Value::Array(records)) => records,
            Ok(record) => vec![record],
            Err(_) => vec![],
        });
        bodies.filter(|record| record["upstream_uri"].as_str().is_some_and(|uri| uri.len() == 2)).count()
    };
    gateway_tests::eventually("all ten requests reach the sink", PATIENCE, || async { logged() == 10 })
        .await?;
    let seen = sink.seen().pop().context("batches came")?;
    assert_eq!((seen.method, seen.target.as_str()), (Method::POST, "/logs"));
    assert_eq!(seen.headers.get("x-token").map(http::HeaderValue::as_bytes), Some(&b"t"[..]));
    assert_eq!(
        seen.headers.get("content-type").map(http::HeaderValue::as_bytes),
        Some(&b"application/json"[..])
    );
    assert!(sink.seen().len() < 10, "records travel in batches");
    Ok(())
}
