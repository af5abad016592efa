//! Changes under load: new plugin versions, routes and assignments go live on every node, and no
//! request is lost or sent astray.

use std::time::{Duration, Instant};

use gateway_tests::{Answer, Load, percentile};
use http::Method;
use serde_json::{Value, json};

use crate::setup::component_with;
use crate::site::{LIVE, Probe, Site, seen};

/// Rounds of eight changes each.
const ROUNDS: usize = 25;

/// Builds the guest that names its version in each response.
fn stamp(version: &str) -> anyhow::Result<Vec<u8>> {
    component_with("tests/guests/stamp", &[("WEIR_STAMP_VERSION", version)])
}

/// A check that accepts these answers and no other.
fn only(accepted: &'static [&'static str]) -> impl Fn(&Answer) -> Result<(), String> + Clone {
    move |answer| {
        let seen = seen(answer);
        if accepted.contains(&seen.as_str()) { Ok(()) } else { Err(seen) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_and_two_hundred_changes_under_load_lose_nothing() -> anyhow::Result<()> {
    let versions = [stamp("0.1.0")?, stamp("0.2.0")?];
    let site = Site::start().await?;
    prepare(&site).await?;
    let mut loads = Vec::from(site.load(6, "/steady/x", &[], only(&["/steady/steady/x"])));
    loads.extend(site.load(5, "/guarded/x", &[("apikey", "secret")], only(&["/guarded/guarded/x"])));
    loads.extend(site.load(5, "/moving", &[], only(&["/one/moving", "/two/moving"])));
    let mut changes = Changes { site: &site, took: Vec::new() };
    let outcome = changes.all(&versions, &mut loads).await;
    let took = changes.took;
    let (mut good, mut failures, mut latencies) = (0, Vec::new(), Vec::new());
    for load in loads {
        let report = load.stop().await;
        good += report.good;
        failures.extend(report.failures);
        latencies.extend(report.latencies);
    }
    let [p50, p99, slowest] = [0.5, 0.99, 1.0].map(|share| percentile(&took, share));
    println!(
        "{good} requests, {} failed or astray, p99 {:?}, at most {:?}; {} changes, live on both nodes after \
         p50 {p50:?}, p99 {p99:?}, at most {slowest:?}",
        failures.len(),
        percentile(&latencies, 0.99),
        percentile(&latencies, 1.0),
        took.len()
    );
    outcome?;
    assert!(failures.is_empty(), "{} failures, such as {:?}", failures.len(), failures.first());
    assert_eq!(took.len(), 8 * ROUNDS);
    assert!(slowest < LIVE, "a change was live after {slowest:?}");
    assert!(good > 10_000, "the load was a load: {good}");
    Ok(())
}

/// The routes that the load goes through.
async fn prepare(site: &Site) -> anyhow::Result<()> {
    for (name, service) in
        [("steady", "steady"), ("guarded", "guarded"), ("moving", "one"), ("stamped", "echo")]
    {
        site.route(0, name, service).await?;
    }
    let came = Probe { what: "the routes", path: "/stamped", old: "nothing", new: "/stamped" };
    site.live(&came).await?;
    site.write(0, Method::PUT, "/consumers/joe", &json!({})).await?;
    site.write(0, Method::POST, "/consumers/joe/key-auth", &json!({ "key": "secret" })).await?;
    for plugin in ["key-auth", "rate-limiting"] {
        let config = if plugin == "key-auth" { json!({}) } else { json!({ "hour": 1_000_000_000 }) };
        let assignment = json!({ "name": plugin, "config": config });
        site.write(0, Method::POST, "/routes/guarded/plugins", &assignment).await?;
    }
    let guarded =
        Probe { what: "the guarded route", path: "/guarded/x", old: "/guarded/guarded/x", new: "no key" };
    site.live(&guarded).await.map(drop)
}

/// The changes, and how long each took.
struct Changes<'s> {
    site: &'s Site,
    took: Vec<Duration>,
}

impl Changes<'_> {
    async fn all(&mut self, versions: &[Vec<u8>; 2], loads: &mut Vec<Load>) -> anyhow::Result<()> {
        let [first, second] = versions;
        self.upload(first).await?;
        let mark = json!({ "name": "stamp", "config": { "mark": "steady" } });
        self.site.write(0, Method::POST, "/routes/stamped/plugins", &mark).await?;
        self.version_is_live("0.1.0", Instant::now(), "/stamped").await?;
        // From here on a request without the stamp has missed its plugin.
        let check = only(&["/stamped steady 0.1.0", "/stamped steady 0.2.0"]);
        loads.extend(self.site.load(2, "/stamped", &[], check));
        for round in 0..ROUNDS {
            if round == ROUNDS / 2 {
                let uploading = Instant::now();
                self.upload(second).await?;
                println!("the second upload was answered after {:?}", uploading.elapsed());
                self.version_is_live("0.2.0", Instant::now(), "/stamped steady 0.1.0").await?;
            }
            let version = if round < ROUNDS / 2 { "0.1.0" } else { "0.2.0" };
            self.round(round, version).await?;
        }
        Ok(())
    }

    async fn upload(&self, component: &[u8]) -> anyhow::Result<()> {
        let answer = self.site.nodes[0].upload(component.to_vec()).await?;
        anyhow::ensure!(answer.status.is_success(), "{}", answer.text());
        Ok(())
    }

    /// Waits for the version on the stamped route of both nodes.
    async fn version_is_live(&self, version: &str, written: Instant, old: &str) -> anyhow::Result<()> {
        let new = format!("/stamped steady {version}");
        self.site.live(&Probe { what: "the version", path: "/stamped", old, new: &new }).await?;
        let took = written.elapsed();
        println!("version {version} was live on both nodes {took:?} after its write was answered");
        anyhow::ensure!(took < LIVE, "version {version} was live after {took:?}");
        Ok(())
    }

    /// One change: a write that is answered, then the wait for it on both nodes.
    async fn change(
        &mut self,
        (node, method, path): (usize, Method, &str),
        body: Value,
        probe: Probe<'_>,
    ) -> anyhow::Result<Value> {
        let answer = self.site.write(node, method, path, &body).await?;
        let took = self.site.live(&probe).await?;
        if took > LIVE {
            println!("{}: live after {took:?}", probe.what);
        }
        self.took.push(took);
        Ok(answer)
    }

    /// Eight changes: a route comes, gets a plugin that is changed and switched off, moves and goes;
    /// meanwhile a route under load moves between two services.
    async fn round(&mut self, round: usize, version: &str) -> anyhow::Result<()> {
        let (name, moved) = (format!("r{round:03}"), format!("m{round:03}"));
        let (path, moved_path) = (format!("/{name}"), format!("/{moved}"));
        let (at, by) = (format!("/routes/{name}"), |step: usize| round + step);
        let stamped = |mark: &str| format!("{path} {mark} {version}");
        let (one, two) = (stamped("one"), stamped("two"));
        let probe = |what, old, new| Probe { what, path: &path, old, new };

        let route = json!({ "paths": [path], "strip_path": false, "service": { "name": "echo" } });
        self.change((by(0), Method::PUT, &at), route, probe("a route came", "nothing", &path)).await?;
        let plugin = json!({ "name": "stamp", "config": { "mark": "one" } });
        let came = probe("it got a plugin", &path, &one);
        let made = self.change((by(1), Method::POST, &format!("{at}/plugins")), plugin, came).await?;
        let plugin = format!("/plugins/{}", made["id"].as_str().unwrap_or_default());
        let changed = probe("its plugin changed", &one, &two);
        self.change((by(0), Method::PATCH, &plugin), json!({ "config": { "mark": "two" } }), changed).await?;
        let off = probe("its plugin was switched off", &two, &path);
        self.change((by(1), Method::PATCH, &plugin), json!({ "enabled": false }), off).await?;
        let moves = json!({ "paths": [moved_path] });
        let came = Probe { what: "it moved", path: &moved_path, old: "nothing", new: &moved_path };
        self.change((by(0), Method::PATCH, &at), moves, came).await?;

        let (from, to) = if round.is_multiple_of(2) { ("one", "two") } else { ("two", "one") };
        let (from, to_path) = (format!("/{from}/moving"), format!("/{to}/moving"));
        let switched = Probe { what: "another service", path: "/moving", old: &from, new: &to_path };
        let service = json!({ "service": { "name": to } });
        self.change((by(1), Method::PATCH, "/routes/moving"), service, switched).await?;
        let gone = Probe { what: "it went", path: &moved_path, old: &moved_path, new: "nothing" };
        self.change((by(0), Method::DELETE, &at), Value::Null, gone).await?;
        let back = probe("a route came back", "nothing", &path);
        let route = json!({ "paths": [path], "strip_path": false, "service": { "name": "echo" } });
        self.change((by(1), Method::PUT, &at), route, back).await?;
        Ok(())
    }
}
