//! Health and levels of logs that an operator sets by hand are those of all nodes.

use gateway_tests::{Database, Gateway, Postgres, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, balance, gateway};

/// The health of each target on a node, in the order of their addresses.
async fn health(gateway: &Gateway) -> Vec<String> {
    let Ok(body) = gateway.apply(Method::GET, "/upstreams/shared/health", &Value::Null).await else {
        return Vec::new();
    };
    let line = |target: &Value| format!("{} {}", target["target"], target["health"]).replace('"', "");
    let mut lines: Vec<_> = body["data"].as_array().into_iter().flatten().map(line).collect();
    lines.sort();
    lines
}

async fn is(node: &Gateway, want: &[String], what: &str) -> anyhow::Result<()> {
    eventually(what, PATIENCE, || async { health(node).await == want }).await.map(drop)
}

#[tokio::test]
async fn health_that_is_set_on_one_node_is_that_of_the_other() -> anyhow::Result<()> {
    let (a, b) = (Upstream::saying("a").await?, Upstream::saying("b").await?);
    let database = Database::Postgres(Postgres::shared()?.database()?);
    let one = gateway().database(database.clone()).start().await?;
    let two = gateway().database(database).start().await?;
    let checks = json!({ "healthchecks": { "passive": { "unhealthy": { "http_failures": 9 } } } });
    let targets = [&a, &b].map(|upstream| (upstream.address().to_string(), 100));
    balance(&one, "shared", &checks, &targets).await?;
    two.wait_for("the route is live on the other", PATIENCE, "/shared", |answer| answer.status == 200)
        .await?;
    let (a, b) = (a.address(), b.address());
    let mut healthy = [true, true];
    for (setter, path) in [
        (&one, format!("{a}/unhealthy")),
        (&two, format!("{b}/{b}/unhealthy")),
        (&two, format!("{a}/{a}/healthy")),
        (&one, format!("{b}/healthy")),
    ] {
        let path = format!("/upstreams/shared/targets/{path}");
        assert_eq!(setter.admin(Method::PUT, &path, &Value::Null).await?.status, 204, "{path}");
        let which = usize::from(!path.contains(&format!("targets/{a}")));
        healthy[which] = path.ends_with("/healthy");
        let word = |healthy: bool| if healthy { "HEALTHY" } else { "UNHEALTHY" };
        let mut want = [format!("{a} {}", word(healthy[0])), format!("{b} {}", word(healthy[1]))];
        want.sort();
        for (name, node) in [("one", &one), ("two", &two)] {
            is(node, &want, &format!("{path} on node {name}")).await?;
        }
    }
    let path = format!("/upstreams/shared/targets/{a}/unhealthy");
    one.admin(Method::PUT, &path, &Value::Null).await?;
    let mut want = [format!("{a} UNHEALTHY"), format!("{b} HEALTHY")];
    want.sort();
    is(&two, &want, "before requests follow").await?;
    for _ in 0..10 {
        assert_eq!(two.get("/shared", &[]).await?.text(), "b");
    }
    Ok(())
}

async fn level(gateway: &Gateway) -> String {
    let shown = gateway.apply(Method::GET, "/debug/node/log-level", &Value::Null).await;
    shown.map(|shown| shown["message"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_level_of_logs_for_all_nodes_lasts_for_a_while() -> anyhow::Result<()> {
    let database = Database::Postgres(Postgres::shared()?.database()?);
    let one = gateway().database(database.clone()).start().await?;
    let two = gateway().database(database).start().await?;
    // One that differs already does not keep the others from it.
    one.apply(Method::PUT, "/debug/node/log-level/warn", &Value::Null).await?;
    for (path, status, message) in [
        ("/debug/cluster/log-level/loud", 400, "unknown log level: loud"),
        ("/debug/cluster/log-level/warn?timeout=-1", 400, "timeout must be greater than or equal to 0"),
        ("/debug/cluster/log-level/warn?timeout=4", 200, "log level is already warn"),
    ] {
        let answer = one.admin(Method::PUT, path, &Value::Null).await?;
        assert_eq!((answer.status.as_u16(), &answer.json()["message"]), (status, &json!(message)), "{path}");
    }
    eventually("the other one has it", PATIENCE, || async { level(&two).await == "log level: warn" }).await?;
    eventually("it ends by itself", PATIENCE, || async { level(&two).await == "log level: notice" }).await?;
    let answer = two.apply(Method::PUT, "/debug/cluster/log-level/error?timeout=0", &Value::Null).await?;
    assert_eq!(answer["message"], "log level changed");
    for node in [&one, &two] {
        eventually("both have it", PATIENCE, || async { level(node).await == "log level: error" }).await?;
    }
    Ok(())
}
