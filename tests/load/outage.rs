//! The database dies, hangs or crawls, and nodes die in the middle of writes: requests go on, what was
//! answered is kept, and nothing comes back that was deleted.
//!
//! `WEIR_TEST_CYCLES` makes the scenarios repeat their blow more often than the few times of a usual run;
//! `WEIR_TEST_OUTAGE_SECONDS` makes the first outage of Postgres as long as that.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use gateway_tests::{
    Client, Database, Gateway, Link, Load, LoadReport, Postgres, Relay, Upstream, eventually,
};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};
use crate::writers::{Ledger, Writers};

/// Both nodes are of one mind within this time after the database is back.
const AGREED: Duration = Duration::from_secs(10);
/// An Admin API that knows of the outage says so within this time.
const REFUSED: Duration = Duration::from_secs(1);
/// A node that starts without its database serves within this time. One that is not optimised takes its time.
fn cold() -> Duration {
    let optimised = std::env::var_os("WEIR_TEST_PROGRAM").is_some();
    Duration::from_secs(if optimised { 2 } else { 30 })
}

fn cycles(usual: usize) -> usize {
    std::env::var("WEIR_TEST_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// How long the first outage of Postgres lasts, at least.
fn outage() -> Duration {
    let seconds = std::env::var("WEIR_TEST_OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}

/// A gateway on this database, in a folder that outlives it.
async fn node(url: &str, folder: &Path) -> anyhow::Result<Gateway> {
    let builder = gateway().database(Database::Postgres(url.to_owned())).prefix(folder);
    builder.set("WEIR_PROXY_ACCESS_LOG", "off").start().await
}

/// Two nodes, a route that wants a key, and a key that both have seen.
struct Site {
    nodes: [Gateway; 2],
    folders: [tempfile::TempDir; 2],
    _upstream: Upstream,
}

impl Site {
    async fn start(urls: [&str; 2]) -> anyhow::Result<Self> {
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let first = node(urls[0], folders[0].path()).await?;
        let nodes = [first, node(urls[1], folders[1].path()).await?];
        let upstream = Upstream::taking(Duration::from_millis(5), |_| {
            http::Response::new(http_body_util::Full::new(bytes::Bytes::from("hello")))
        })
        .await?;
        serve(&nodes[0], "demo", &upstream.url()).await?;
        assign(&nodes[0], "demo", &json!({ "name": "key-auth" })).await?;
        nodes[0].apply(Method::PUT, "/consumers/known", &json!({})).await?;
        nodes[0].apply(Method::POST, "/consumers/known/key-auth", &json!({ "key": "known" })).await?;
        for node in &nodes {
            node.wait_for("key-auth is live", PATIENCE, "/demo", |answer| answer.status == 401).await?;
            assert_eq!(node.get("/demo", &[("apikey", "known")]).await?.status, 200);
        }
        Ok(Self { nodes, folders, _upstream: upstream })
    }

    fn load(&self) -> [Load; 2] {
        self.nodes.each_ref().map(load)
    }

    /// Until both nodes have a route that is written now, and answer for it.
    async fn agree(&self, round: usize) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let route = json!({ "paths": [format!("/agree-{round}")], "service": { "name": "demo" } });
        let path = format!("/routes/agree-{round}");
        let written = || async {
            self.nodes[0]
                .admin(Method::PUT, &path, &route)
                .await
                .is_ok_and(|answer| answer.status.is_success())
        };
        eventually("a write works again", Duration::from_secs(60), written).await?;
        for node in &self.nodes {
            node.wait_for("both have it", Duration::from_secs(60), &format!("/agree-{round}"), |answer| {
                answer.status != 404
            })
            .await?;
            let answers = || async {
                let listed = node.admin(Method::GET, "/routes", &Value::Null).await;
                listed.is_ok_and(|answer| answer.status == 200)
            };
            eventually("its Admin API answers", Duration::from_secs(60), answers).await?;
        }
        Ok(began.elapsed())
    }
}

pub(crate) fn load(node: &Gateway) -> Load {
    Load::start(node.proxy, 4, "/demo", &[("apikey", "known")], |answer| match answer.status.as_u16() {
        200 => Ok(()),
        status => Err(format!("{status} {}", answer.text())),
    })
}

pub(crate) async fn without_failure(loads: impl IntoIterator<Item = Load>) -> u64 {
    let mut good = 0;
    for load in loads {
        let LoadReport { good: answered, failures, .. } = load.stop().await;
        assert!(failures.is_empty(), "{} failures, such as {:?}", failures.len(), failures.first());
        good += answered;
    }
    assert!(good > 100, "{good}");
    good
}

/// The slowest of some refusals, once the outage is known.
async fn refusal(node: &Gateway) -> anyhow::Result<Duration> {
    let refused = || async {
        let answer = node.admin(Method::GET, "/services", &Value::Null).await;
        answer.is_ok_and(|answer| answer.status == 503)
    };
    eventually("the outage is known", Duration::from_secs(20), refused).await?;
    let mut slowest = Duration::ZERO;
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let began = Instant::now();
        let answer = node.admin(Method::PUT, "/consumers/late", &json!({})).await?;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.json()["message"].as_str().is_some_and(|text| text.contains("not reachable")));
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(slowest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_postgres_killed_under_load_loses_nothing() -> anyhow::Result<()> {
    let server = Postgres::start_lasting()?;
    let database = server.database()?;
    let site = Site::start([&database, &database]).await?;
    let loads = site.load();
    let writers = Writers::start(site.nodes.each_ref().map(|node| node.admin));
    let (mut slowest, mut agreed, mut longest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for round in 0..cycles(3) {
        tokio::time::sleep(Duration::from_secs(2)).await;
        server.kill().await?;
        let began = Instant::now();
        loop {
            for node in &site.nodes {
                slowest = slowest.max(refusal(node).await?);
            }
            longest = longest.max(began.elapsed());
            if round > 0 || longest >= outage() {
                break;
            }
        }
        server.start_again()?;
        agreed = agreed.max(site.agree(round).await?);
    }
    let ledger = writers.stop().await;
    let good = without_failure(loads).await;
    let figures = ledger.check(&site.nodes).await?;
    println!(
        "postgres killed {} times, for {longest:?} at most: {good} requests, 0 failed; {figures}; both nodes agree after {agreed:?}; 503 within {slowest:?}",
        cycles(3)
    );
    assert!(agreed < AGREED && slowest < REFUSED, "{agreed:?} {slowest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_a_node_killed_while_it_writes_loses_nothing() -> anyhow::Result<()> {
    let server = Postgres::start_lasting()?;
    let database = server.database()?;
    let mut site = Site::start([&database, &database]).await?;
    let [other, _] = site.load();
    let mut ledger = Ledger::default();
    for _ in 0..cycles(5) {
        let writers = Writers::resume(ledger, [site.nodes[1].admin, site.nodes[1].admin]);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        site.nodes[1].signal("KILL")?;
        ledger = writers.stop().await;
        site.nodes[1].ended(PATIENCE).await?;
        let killed = node(&database, site.folders[1].path()).await?;
        site.nodes[1] = killed;
    }
    let agreed = site.agree(0).await?;
    let good = without_failure([other]).await;
    let figures = ledger.check(&site.nodes).await?;
    println!(
        "a node killed {} times: {good} requests to the other, 0 failed; {figures}; {agreed:?}",
        cycles(5)
    );
    assert!(agreed < AGREED, "{agreed:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_a_cut_link_and_a_slow_one_cost_no_request() -> anyhow::Result<()> {
    let server = Postgres::start_lasting()?;
    let database = server.database()?;
    let relay = Relay::to(server.address()).await?;
    let site = Site::start([&database, &relay.url(&database)]).await?;
    let loads = site.load();
    for (round, link) in [Link::Cut, Link::Slow].repeat(cycles(1)).into_iter().enumerate() {
        let writers = Writers::start([site.nodes[1].admin, site.nodes[1].admin]);
        tokio::time::sleep(Duration::from_millis(500)).await;
        relay.set(link);
        let slowest = refusal(&site.nodes[1]).await?;
        // The other node does not suffer.
        let began = Instant::now();
        site.nodes[0].apply(Method::PUT, &format!("/consumers/during-{round}"), &json!({})).await?;
        let other = began.elapsed();
        relay.set(Link::Up);
        let agreed = site.agree(round).await?;
        let figures = writers.stop().await.check(&site.nodes).await;
        let figures = figures.with_context(|| site.nodes[1].log())?;
        println!(
            "link {link:?}: 503 within {slowest:?}; {figures}; agreed after {agreed:?}; a write of the other node {other:?}"
        );
        assert!(agreed < AGREED && slowest < REFUSED, "{link:?}: {agreed:?} {slowest:?}");
    }
    let good = without_failure(loads).await;
    println!("{good} requests, 0 failed");
    Ok(())
}

/// Each listener is broken before each write: what reaches the other node does so by polling.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_lost_notifications_are_made_up_for() -> anyhow::Result<()> {
    let server = Postgres::start_lasting()?;
    let database = server.database()?;
    let site = Site::start([&database, &database]).await?;
    let mut slowest = Duration::ZERO;
    for round in 0..cycles(5) {
        let listeners =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
        server.sql(&database, listeners)?;
        slowest = slowest.max(site.agree(round).await?);
    }
    println!("without notifications a change is live on both nodes after {slowest:?}");
    assert!(slowest < Duration::from_secs(6), "{slowest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_a_cold_start_serves_the_last_good_configuration() -> anyhow::Result<()> {
    let server = Postgres::start_lasting()?;
    let database = server.database()?;
    let site = Site::start([&database, &database]).await?;
    // Two generations of each file.
    let folder = site.folders[1].path().join("last_good");
    let key = "\"key\":\"known\"";
    let files = [
        ("catalog.jsonl", "key-auth"),
        ("catalog.previous.jsonl", "key-auth"),
        ("identities.jsonl", key),
        ("identities.previous.jsonl", key),
    ];
    let holds = |(name, word): &(&str, &str)| {
        std::fs::read_to_string(folder.join(name)).is_ok_and(|text| text.contains(word))
    };
    let saved = || async { files.iter().all(holds) };
    for round in 0.. {
        site.nodes[0].apply(Method::PUT, &format!("/consumers/more-{round}"), &json!({})).await?;
        site.agree(round).await?;
        if saved().await {
            break;
        }
        assert!(round < 120, "the last good configuration is saved");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let Site { nodes, folders, _upstream } = site;
    drop(nodes);
    server.kill().await?;
    let mut slowest = Duration::ZERO;
    for damage in ["none", "the newest file emptied", "the newest file cut"] {
        match damage {
            "none" => {}
            "the newest file emptied" => std::fs::write(folder.join("catalog.jsonl"), "")?,
            _ => {
                let bytes = std::fs::read(folder.join("identities.jsonl"))?;
                std::fs::write(folder.join("identities.jsonl"), &bytes[..bytes.len() / 2])?;
            }
        }
        let began = Instant::now();
        let node = node(&database, folders[1].path()).await?;
        let took = began.elapsed();
        slowest = slowest.max(took);
        assert_eq!(node.get("/demo", &[]).await?.status, 401, "{damage}");
        assert_eq!(node.get("/demo", &[("apikey", "known")]).await?.status, 200, "{damage}");
        let status = Client::connect(node.status).await?.get("/status", &[]).await?.json();
        assert_eq!(status["configuration"]["source"], "last_good", "{damage}: {status}");
        println!("a cold start without the database, damage {damage}: {took:?}");
    }
    assert!(slowest < cold(), "{slowest:?}");
    Ok(())
}
