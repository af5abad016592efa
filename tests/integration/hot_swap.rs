//! Changes under load: new plugin versions, routes and assignments go live on every node, and no
//! request is lost or sent astray.

use std::time::Duration;

use gateway_tests::{Answer, Client, Database, Gateway, Load, Postgres, Upstream};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{assign, gateway, header_edit, serve};

/// A change is promised to be live on all nodes within a second, and the test prints the slowest one.
/// The bound is wider: it has to hold for an unoptimised build on a busy machine.
const LIVE: Duration = Duration::from_secs(10);

/// A new version is compiled by each node first, here by an unoptimised compiler.
const COMPILED: Duration = Duration::from_secs(90);

/// Waits until both nodes answer as wanted, and gives the time that the slower one took.
async fn live(
    nodes: &[Gateway; 2],
    what: &str,
    path: &str,
    wanted: impl Fn(&Answer) -> bool + Copy,
) -> anyhow::Result<Duration> {
    let (one, two) = tokio::join!(
        nodes[0].wait_for(what, LIVE, path, wanted),
        nodes[1].wait_for(what, LIVE, path, wanted)
    );
    Ok(one?.max(two?))
}

#[tokio::test]
async fn two_versions_and_two_hundred_changes_under_load_lose_nothing() -> anyhow::Result<()> {
    let versions = [header_edit("0.1.0")?, header_edit("0.2.0")?];
    let database = Postgres::shared()?.database()?;
    let start = || gateway().database(Database::Postgres(database.clone())).start();
    let first = start().await?;
    let nodes = [first, start().await?];
    let upstream = Upstream::start(|seen| {
        let body = bytes::Bytes::from(seen.target.clone());
        http::Response::new(http_body_util::Full::new(body))
    })
    .await?;
    serve(&nodes[0], "steady", &upstream.url()).await?;
    live(&nodes, "the steady route", "/steady", |answer| answer.status == 200).await?;
    let loads = nodes.each_ref().map(|node| {
        Load::start(node.proxy, 16, "/steady/x", &[], |answer| {
            match (answer.status.as_u16(), answer.text().as_str()) {
                (200, "/x") => Ok(()),
                (status, text) => Err(format!("{status} {text}")),
            }
        })
    });
    let slowest = change_everything(&nodes, &versions).await;
    let mut requests = 0;
    for load in loads {
        let report = load.stop().await;
        assert!(
            report.failures.is_empty(),
            "{} failures, such as {:?}",
            report.failures.len(),
            report.failures.first()
        );
        requests += report.good;
    }
    println!("{requests} requests without a failure; the slowest change was live after {:?}", slowest?);
    assert!(requests > 500, "the load was a load: {requests}");
    Ok(())
}

async fn change_everything(nodes: &[Gateway; 2], versions: &[Vec<u8>; 2]) -> anyhow::Result<Duration> {
    let mut slowest = Duration::ZERO;
    for version in versions {
        let uploaded = nodes[0].upload(version.clone()).await?;
        assert!(uploaded.status.is_success(), "{}", uploaded.text());
        let number = uploaded.json()["active_version"].as_str().unwrap_or_default().to_owned();
        if number == "0.1.0" {
            let config = json!({ "name": "header-edit" });
            assign(&nodes[0], "steady", &config).await?;
        }
        // The configuration stays as it was stored: that the new code runs shows in its calls.
        let calls = format!("plugin=\"header-edit\",version=\"{number}\"");
        let runs = || async { runs_on(&nodes[0], &calls).await && runs_on(&nodes[1], &calls).await };
        let took = gateway_tests::eventually("the version is live", COMPILED, runs).await?;
        println!("version {number} was live after {took:?}");
    }
    for round in 0..50u32 {
        slowest = slowest.max(one_round(nodes, round).await?);
    }
    Ok(slowest)
}

/// Four changes: a route comes, gets a plugin, the plugin changes, the route goes.
async fn one_round(nodes: &[Gateway; 2], round: u32) -> anyhow::Result<Duration> {
    let writer = &nodes[round as usize % 2];
    let name = format!("r{round}");
    let (path, at) = (format!("/{name}"), format!("/routes/{name}"));
    let route = json!({ "paths": [path], "service": { "name": "steady" } });
    writer.apply(Method::PUT, &at, &route).await?;
    let mut slowest = live(nodes, "a route came", &path, |answer| answer.status == 200).await?;
    let plugin = json!({ "name": "header-edit", "config": { "name": "x-round", "value": "one" } });
    let stored: Value = assign(writer, &name, &plugin).await?;
    slowest =
        slowest.max(live(nodes, "it got a plugin", &path, |answer| answer.header("x-round") == "one").await?);
    let id = stored["id"].as_str().unwrap_or_default();
    writer.apply(Method::PATCH, &format!("/plugins/{id}"), &json!({ "config": { "value": "two" } })).await?;
    slowest = slowest
        .max(live(nodes, "the plugin changed", &path, |answer| answer.header("x-round") == "two").await?);
    writer.apply(Method::DELETE, &at, &Value::Null).await?;
    Ok(slowest.max(live(nodes, "the route went", &path, |answer| answer.status == 404).await?))
}

/// Whether a node has called this version.
async fn runs_on(node: &Gateway, calls: &str) -> bool {
    let Ok(mut client) = Client::connect(node.status).await else { return false };
    client.get("/metrics", &[]).await.is_ok_and(|metrics| metrics.text().contains(calls))
}
