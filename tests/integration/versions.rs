//! Versions of a plugin on two nodes and on one: tried out, given up, taken over.

use std::time::Duration;

use gateway_tests::{Client, Database, Gateway, Load, Postgres, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, component, component_with, gateway, serve};

const PLUGIN: &str = "/custom-plugins/stamp";

/// Nodes that share a database, with version 1.0.0 of `stamp` on the route `/demo` and version 9.0.0
/// uploaded beside it.
struct Site {
    nodes: Vec<Gateway>,
    _upstream: Upstream,
}

impl Site {
    async fn start(mark: &str, nodes: usize) -> anyhow::Result<Self> {
        let database = match nodes {
            1 => Database::Sqlite,
            _ => Database::Postgres(Postgres::shared()?.database()?),
        };
        Self::on(database, mark, nodes).await
    }

    async fn on(database: Database, mark: &str, nodes: usize) -> anyhow::Result<Self> {
        let upstream = Upstream::saying("hello").await?;
        let mut started = Vec::new();
        for _ in 0..nodes {
            started.push(gateway().database(database.clone()).start().await?);
        }
        let site = Self { nodes: started, _upstream: upstream };
        let first = &site.nodes[0];
        let one = component_with("tests/guests/stamp", &[("WEIR_STAMP_VERSION", "1.0.0")])?;
        anyhow::ensure!(first.upload(one).await?.status == 201, "version 1.0.0 is taken");
        serve(first, "demo", &site._upstream.url()).await?;
        assign(first, "demo", &json!({ "name": "stamp", "config": { "mark": mark } })).await?;
        let path = "/custom-plugins?activate=false";
        let media = [("content-type", "application/wasm")];
        let moved = gateway_tests::request(Method::POST, path, &media, component("tests/guests/moved")?)?;
        let answer = Client::connect(first.admin).await?.send(moved).await?;
        anyhow::ensure!(answer.status == 201, "version 9.0.0 is taken: {}", answer.text());
        let want = format!("{mark} 1.0.0");
        for node in &site.nodes {
            let stamped = |answer: &gateway_tests::Answer| answer.header("x-stamp") == want;
            node.wait_for("version 1.0.0", PATIENCE, "/demo", stamped).await?;
        }
        Ok(site)
    }

    async fn patch(&self, body: Value) -> anyhow::Result<Value> {
        self.nodes[0].apply(Method::PATCH, PLUGIN, &body).await
    }

    /// Waits until every node runs the version for all of ten requests.
    async fn all_run(&self, stamp: &str) -> anyhow::Result<()> {
        for node in &self.nodes {
            let all = async || {
                let seen = stamps(node, 10).await.unwrap_or_default();
                seen.iter().all(|seen| seen == stamp)
            };
            eventually(&format!("all requests get {stamp}"), PATIENCE, all).await?;
        }
        Ok(())
    }
}

async fn stamps(node: &Gateway, count: usize) -> anyhow::Result<Vec<String>> {
    let mut client = Client::connect(node.proxy).await?;
    let mut seen = Vec::with_capacity(count);
    for _ in 0..count {
        let answer = client.get("/demo", &[]).await?;
        seen.push(match answer.status.as_u16() {
            200 => answer.header("x-stamp").to_owned(),
            other => other.to_string(),
        });
    }
    Ok(seen)
}

#[tokio::test]
async fn a_candidate_gets_its_share_on_every_node_and_may_become_active() -> anyhow::Result<()> {
    for nodes in [1, 2] {
        let site = Site::start("fine", nodes).await?;
        let begun = site.patch(json!({ "canary": { "version": "9.0.0", "percent": 30 } })).await?;
        assert_eq!(begun["canary"]["percent"], 30);
        for node in &site.nodes {
            let candidate = |answer: &gateway_tests::Answer| answer.header("x-stamp") == "fine 9.0.0";
            node.wait_for("the candidate is asked", PATIENCE, "/demo", candidate).await?;
            let seen = stamps(node, 400).await?;
            let candidates = seen.iter().filter(|stamp| *stamp == "fine 9.0.0").count();
            assert!((80..=160).contains(&candidates), "30 % of 400: {candidates}");
            assert!(seen.iter().all(|stamp| stamp.starts_with("fine ")), "no request went without");
        }
        site.patch(json!({ "canary": { "percent": 100 } })).await?;
        site.all_run("fine 9.0.0").await?;
        let stored = site.nodes[0].apply(Method::GET, "/plugins", &Value::Null).await?;
        assert_eq!(stored["data"][0]["config"], json!({ "mark": "fine" }), "a trial writes nothing");
        let shown = site.nodes[0]
            .apply(Method::PATCH, &format!("{PLUGIN}?dry_run=true"), &json!({ "active_version": "9.0.0" }))
            .await?;
        assert_eq!(shown["migrated"][0]["after"], json!({ "label": "fine" }), "{shown}");
        let active = site.patch(json!({ "active_version": "9.0.0" })).await?;
        assert_eq!((&active["canary"], &active["active_version"]), (&Value::Null, &json!("9.0.0")));
        site.all_run("fine 9.0.0").await?;
        let stored = site.nodes[nodes - 1].apply(Method::GET, "/plugins", &Value::Null).await?;
        assert_eq!(stored["data"][0]["config"], json!({ "label": "fine" }));
        retired(&site).await?;
    }
    Ok(())
}

/// The old version is let go once no request is left that began with it.
async fn retired(site: &Site) -> anyhow::Result<()> {
    for node in &site.nodes {
        let idle = async || {
            let shown = node.apply(Method::GET, &format!("{PLUGIN}/versions/1.0.0"), &Value::Null).await;
            shown.is_ok_and(|shown| shown["in_use"]["assignments"] == 0 && shown["role"] == "idle")
        };
        eventually("nothing runs the old version", PATIENCE, idle).await?;
    }
    site.nodes[0].apply(Method::DELETE, &format!("{PLUGIN}/versions/1.0.0"), &Value::Null).await.map(drop)
}

#[tokio::test]
async fn a_candidate_that_traps_is_given_up_by_all_nodes_and_the_answer_says_by_whom() -> anyhow::Result<()> {
    for nodes in [1, 2] {
        let site = Site::start("broken", nodes).await?;
        let trial = json!({ "version": "9.0.0", "percent": 50, "min_calls": 20, "max_failure_percent": 10 });
        site.patch(json!({ "canary": trial })).await?;
        // One node alone has traffic; the others follow its verdict.
        let last = &site.nodes[nodes - 1];
        last.wait_for("the candidate fails", PATIENCE, "/demo", |answer| answer.status == 500).await?;
        let given_up = async || {
            _ = stamps(last, 10).await;
            let shown = site.nodes[0].apply(Method::GET, PLUGIN, &Value::Null).await;
            shown.is_ok_and(|shown| shown["canary"].is_null() && !shown["rollback"].is_null())
        };
        eventually("the candidate is given up", PATIENCE, given_up).await?;
        site.all_run("broken 1.0.0").await?;
        let shown = site.nodes[0].apply(Method::GET, PLUGIN, &Value::Null).await?;
        let rollback = &shown["rollback"];
        let node_id = last.apply(Method::GET, "/", &Value::Null).await?["node_id"].clone();
        assert_eq!((&rollback["version"], &rollback["node"]), (&json!("9.0.0"), &node_id), "{rollback}");
        assert!(rollback["reason"].as_str().is_some_and(|reason| reason.contains("at most 10 % may")));
        assert!(rollback["calls"].as_u64() >= Some(20) && rollback["failures"] == rollback["calls"]);
        assert!(last.log().contains("a candidate was rolled back"), "the log says so");
        assert_eq!(shown["active_version"], "1.0.0");
    }
    Ok(())
}

#[tokio::test]
async fn a_candidate_is_given_up_at_once_while_the_database_is_away() -> anyhow::Result<()> {
    let server = Postgres::start()?;
    let site = Site::on(Database::Postgres(server.database()?), "broken", 1).await?;
    // Calls enough to stop the database before it is judged.
    let trial = json!({ "version": "9.0.0", "percent": 50, "min_calls": 200, "max_failure_percent": 10 });
    site.patch(json!({ "canary": trial })).await?;
    let node = &site.nodes[0];
    node.wait_for("the candidate fails", PATIENCE, "/demo", |answer| answer.status == 500).await?;
    server.stop()?;
    let some = stamps(node, 20).await?;
    assert!(some.contains(&"500".to_owned()), "it is still tried: {some:?}");
    stamps(node, 600).await?;
    site.all_run("broken 1.0.0").await?;
    server.start_again()?;
    let written = async || {
        let shown = node.apply(Method::GET, PLUGIN, &Value::Null).await;
        shown.is_ok_and(|shown| shown["canary"].is_null() && shown["rollback"]["version"] == "9.0.0")
    };
    eventually("the verdict is written", Duration::from_secs(60), written).await?;
    site.all_run("broken 1.0.0").await
}

#[tokio::test]
async fn by_consumer_each_caller_stays_with_one_version_on_all_nodes() -> anyhow::Result<()> {
    let site = Site::start("fine", 2).await?;
    let first = &site.nodes[0];
    for number in 0..12 {
        first.apply(Method::PUT, &format!("/consumers/c{number}"), &json!({})).await?;
        let key = json!({ "key": format!("k{number}") });
        first.apply(Method::POST, &format!("/consumers/c{number}/key-auth"), &key).await?;
    }
    assign(first, "demo", &json!({ "name": "key-auth" })).await?;
    site.patch(json!({ "canary": { "version": "9.0.0", "percent": 50, "by": "consumer" } })).await?;
    let stamp = async |node: &Gateway, key: &str| -> anyhow::Result<String> {
        Ok(node.get("/demo", &[("apikey", key)]).await?.header("x-stamp").to_owned())
    };
    let stamps = async |node: &Gateway| {
        let mut seen = Vec::new();
        for number in 0..12 {
            seen.push(stamp(node, &format!("k{number}")).await.unwrap_or_default());
        }
        seen
    };
    let split = async || {
        let seen = [stamps(&site.nodes[0]).await, stamps(&site.nodes[1]).await];
        let both = ["fine 1.0.0", "fine 9.0.0"].iter().all(|want| seen[0].iter().any(|stamp| stamp == want));
        both && seen[0] == seen[1]
    };
    eventually("both nodes split the callers alike", PATIENCE, split).await?;
    for _ in 0..5 {
        assert!(split().await, "and stay with it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_version_that_traps_when_it_is_configured_leaves_the_one_before_it_at_work() -> anyhow::Result<()> {
    let site = Site::start("a", 1).await?;
    let node = &site.nodes[0];
    let broken = [("WEIR_STAMP_VERSION", "2.0.0"), ("WEIR_STAMP_BREAKS", "1")];
    let broken = component_with("tests/guests/stamp", &broken)?;
    let load = Load::start(node.proxy, 4, "/demo", &[], |answer| match answer.header("x-stamp") {
        "a 1.0.0" => Ok(()),
        other => Err(format!("{} {other:?}", answer.status)),
    });
    for attempt in 1..=3 {
        let refused = node.upload(broken.clone()).await?;
        assert_eq!(refused.status, 400, "attempt {attempt}: {}", refused.text());
        assert!(refused.text().contains("trap"), "it is told why: {}", refused.text());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(node.apply(Method::GET, PLUGIN, &Value::Null).await?["active_version"], "1.0.0");
    let report = load.stop().await;
    assert!(report.failures.is_empty(), "{:?}", report.failures.first());
    assert!(report.good > 100, "{} requests meanwhile", report.good);
    Ok(())
}
