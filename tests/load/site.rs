//! What the swap scenario runs on: two nodes that share a database, an upstream that says what it
//! was asked for, and probes that wait until both nodes have a change.

use std::time::{Duration, Instant};

use anyhow::ensure;
use gateway_tests::{Answer, Client, Database, Gateway, Load, Postgres, Upstream};
use http::Method;
use serde_json::{Value, json};

use crate::setup::gateway;

/// A change is in effect on all nodes within this time from the answer to its write.
pub(crate) const LIVE: Duration = Duration::from_secs(1);

/// Longer than anything takes, so that a slow change is measured and not only missed.
const GIVE_UP: Duration = Duration::from_secs(30);

/// What an upstream takes to answer. All connections are busy all the time, and yet the machine has
/// something left for the changes: a load without any pause would measure its own appetite.
const UPSTREAM_TIME: Duration = Duration::from_millis(5);

/// Two nodes and what is behind them.
pub(crate) struct Site {
    pub(crate) nodes: [Gateway; 2],
    _upstream: Upstream,
}

impl Site {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let database = Postgres::shared()?.database()?;
        let start = || {
            gateway()
                .database(Database::Postgres(database.clone()))
                .set("WEIR_PROXY_ACCESS_LOG", "off")
                .start()
        };
        let first = start().await?;
        let nodes = [first, start().await?];
        let upstream = Upstream::taking(UPSTREAM_TIME, |seen| {
            http::Response::new(http_body_util::Full::new(bytes::Bytes::from(seen.target.clone())))
        })
        .await?;
        let site = Self { nodes, _upstream: upstream };
        for service in ["steady", "guarded", "one", "two", "echo"] {
            // Each service has a folder of its own at the upstream: an answer tells whose it is.
            let folder = if service == "echo" { String::new() } else { format!("/{service}") };
            let url = format!("{}{folder}", site._upstream.url());
            site.write(0, Method::PUT, &format!("/services/{service}"), &json!({ "url": url })).await?;
        }
        Ok(site)
    }

    /// A write, through one of the nodes.
    pub(crate) async fn write(
        &self,
        node: usize,
        method: Method,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        self.nodes[node % 2].apply(method, path, body).await
    }

    /// A route for `/name` to `service`, which sees the path as it is.
    pub(crate) async fn route(&self, node: usize, name: &str, service: &str) -> anyhow::Result<()> {
        let route =
            json!({ "paths": [format!("/{name}")], "strip_path": false, "service": { "name": service } });
        self.write(node, Method::PUT, &format!("/routes/{name}"), &route).await.map(drop)
    }

    /// Waits until both nodes answer as the probe wants; gives the time that the slower one took.
    pub(crate) async fn live(&self, probe: &Probe<'_>) -> anyhow::Result<Duration> {
        let (one, two) = tokio::join!(probe.wait(&self.nodes[0]), probe.wait(&self.nodes[1]));
        Ok(one?.max(two?))
    }

    /// Keeps `connections` busy on each node.
    pub(crate) fn load(
        &self,
        connections: usize,
        path: &str,
        headers: &[(&str, &str)],
        check: impl Fn(&Answer) -> Result<(), String> + Clone + Send + Sync + 'static,
    ) -> [Load; 2] {
        self.nodes.each_ref().map(|node| Load::start(node.proxy, connections, path, headers, check.clone()))
    }
}

/// What to ask for until the answer is the new one. An answer that is neither the old nor the new one
/// is a request astray.
pub(crate) struct Probe<'p> {
    pub(crate) what: &'p str,
    pub(crate) path: &'p str,
    pub(crate) old: &'p str,
    pub(crate) new: &'p str,
}

impl Probe<'_> {
    /// Waits until this node answers as wanted; gives the time.
    pub(crate) async fn wait(&self, node: &Gateway) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let mut client = Client::connect(node.proxy).await?;
        loop {
            let answer = client.get(self.path, &[]).await?;
            let seen = seen(&answer);
            if seen == self.new {
                return Ok(began.elapsed());
            }
            ensure!(seen == self.old, "{}: {} answered {seen}", self.what, self.path);
            ensure!(began.elapsed() < GIVE_UP, "{}: {} still answers {seen}", self.what, self.path);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// What tells the answers of this scenario apart: the path that the upstream saw and the plugin's
/// stamp, or the status of an answer that is not the upstream's.
pub(crate) fn seen(answer: &Answer) -> String {
    match (answer.status.as_u16(), answer.header("x-stamp")) {
        (200, "") => answer.text(),
        (200, stamp) => format!("{} {stamp}", answer.text()),
        (404, _) => "nothing".to_owned(),
        (401, _) => "no key".to_owned(),
        (status, _) => format!("{status} {}", answer.text()),
    }
}
