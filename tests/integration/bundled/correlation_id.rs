//! Ids of requests, as the upstream, the client and the log see them.

use gateway_tests::{Gateway, Upstream};
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// A route for `/name` whose requests have ids.
async fn identified(
    gateway: &Gateway,
    upstream: &Upstream,
    name: &str,
    config: &Value,
) -> anyhow::Result<()> {
    serve(gateway, name, &upstream.url()).await?;
    assign(gateway, name, &json!({ "name": "correlation-id", "config": config })).await?;
    let path = format!("/{name}");
    gateway_tests::eventually("requests have ids", PATIENCE, || async {
        gateway.get(&path, &[]).await.is_ok() && !last(upstream, "kong-request-id").is_empty()
    })
    .await?;
    Ok(())
}

/// A header of the last request that the upstream saw.
fn last(upstream: &Upstream, name: &str) -> String {
    let seen = upstream.seen().pop();
    let value = seen.as_ref().and_then(|seen| seen.headers.get(name)).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_and_the_client_see_one_id() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    for (generator, parts) in [("uuid", 5), ("uuid#counter", 5), ("tracker", 6)] {
        let upstream = Upstream::saying("ok").await?;
        let name = generator.replace('#', "-");
        let config = json!({ "generator": generator, "echo_downstream": true });
        identified(&gateway, &upstream, &name, &config).await?;
        let path = format!("/{name}");

        let mut known = Vec::new();
        for _ in 0..10 {
            let answer = gateway.get(&path, &[]).await?;
            let id = answer.header("kong-request-id").to_owned();
            assert_eq!(id, last(&upstream, "kong-request-id"), "{generator}");
            assert_eq!(id.split('-').count(), parts, "{generator}: {id}");
            assert!(!known.contains(&id), "{generator}: {id} is new");
            known.push(id);
        }
        let answer = gateway.get(&path, &[("kong-request-id", "mine")]).await?;
        assert_eq!(
            (answer.header("kong-request-id"), last(&upstream, "kong-request-id").as_str()),
            ("mine", "mine"),
            "{generator}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_gateway_has_the_id_and_the_log_too() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    let log = gateway.prefix().join("requests.log");
    let config = json!({ "generator": "uuid", "echo_downstream": true });
    identified(&gateway, &upstream, "shop", &config).await?;
    assign(&gateway, "shop", &json!({ "name": "file-log", "config": { "path": log } })).await?;
    assign(&gateway, "shop", &json!({ "name": "key-auth" })).await?;
    gateway.wait_for("a key is asked for", PATIENCE, "/shop", |answer| answer.status == 401).await?;

    let answer = gateway.get("/shop", &[]).await?;
    assert_eq!(answer.status, 401);
    let id = answer.header("kong-request-id").to_owned();
    assert_eq!(id.len(), 36, "{id}");
    let is_it = |record: Value| {
        record["attributes"]["correlation_id"] == id.as_str() && record["response"]["status"] == 401
    };
    let is_logged = || async {
        let lines = std::fs::read_to_string(&log).unwrap_or_default();
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).any(is_it)
    };
    gateway_tests::eventually("the log has the id", PATIENCE, is_logged).await?;
    Ok(())
}
