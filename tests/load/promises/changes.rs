//! Changes of configuration under load: nothing is lost, no connection is touched, and each is live at once.

use std::time::Duration;

use gateway_tests::{Pace, PaceReport, percentile};
use http::Method;
use serde_json::Value;

use super::sized;
use crate::site::{Probe, Site};

/// Connections that are kept on each node.
const KEPT: u32 = 50;

/// The slowest change; what is promised is a tenth of it and less.
const LIVE: Duration = Duration::from_secs(10);

/// A load on both nodes together.
struct Both([Pace; 2]);

impl Both {
    fn on(site: &Site, rate: u32) -> Self {
        Self(site.nodes.each_ref().map(|node| Pace {
            address: node.proxy,
            path: "/steady".to_owned(),
            rate: rate / 2,
            kept: KEPT,
            fresh: 0,
        }))
    }

    /// Runs as long as `meanwhile`.
    async fn beside<T>(&self, meanwhile: impl Future<Output = T>) -> (PaceReport, T) {
        let [first, second] = self.0.each_ref().map(Pace::start);
        let done = meanwhile.await;
        let mut report = first.stop().await;
        report.add(second.stop().await);
        (report, done)
    }
}

/// A route comes or goes; gives how long it took on the node that was asked, and on the other one.
async fn change(site: &Site, number: usize) -> anyhow::Result<[Duration; 2]> {
    let (node, name) = (number % 2, format!("r{}", number / 2));
    let (path, at) = (format!("/{name}"), format!("/routes/{name}"));
    let comes = number.is_multiple_of(2);
    let (old, new) = if comes { ("nothing", path.as_str()) } else { (path.as_str(), "nothing") };
    if comes {
        site.route(node, &name, "echo").await?;
    } else {
        site.write(node, Method::DELETE, &at, &Value::Null).await?;
    }
    let probe = Probe { what: "a change", path: &path, old, new };
    let (here, there) = tokio::join!(probe.wait(&site.nodes[node]), probe.wait(&site.nodes[1 - node]));
    Ok([here?, there?])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_3_changes_lose_nothing_and_are_live_at_once() -> anyhow::Result<()> {
    let (changes, rate) = sized((20, 300), (100, 1000));
    let site = Site::start().await?;
    site.route(0, "steady", "echo").await?;
    site.live(&Probe { what: "the route", path: "/steady", old: "nothing", new: "/steady" }).await?;
    let both = Both::on(&site, rate);
    let quiet = Duration::from_millis(sized(500, 10_000));
    let (before, ()) = both.beside(tokio::time::sleep(quiet)).await;
    let all = async {
        let mut took = Vec::new();
        for number in 0..changes {
            took.push(change(&site, number).await?);
            tokio::time::sleep(Duration::from_millis(sized(10, 100))).await;
        }
        anyhow::Ok(took)
    };
    let (during, took) = both.beside(all).await;
    let took = took?;
    let [here, there] = [0, 1].map(|which| took.iter().map(|both| both[which]).collect::<Vec<_>>());
    let good = during.times(200).len();
    let lost = during.lost.len() + during.answers.len() - good + during.refused;
    println!(
        "P3: {changes} changes at {rate} requests/s: {good} answered, {lost} lost, {} races; p99 of the others {:?}, without \
         changes {:?}; live on the same node p50 {:?}, p99 {:?}, on the other p50 {:?}, p99 {:?}",
        during.races,
        during.within(200, 0.99),
        before.within(200, 0.99),
        percentile(&here, 0.5),
        percentile(&here, 0.99),
        percentile(&there, 0.5),
        percentile(&there, 0.99),
    );
    assert_eq!((lost, during.races), (0, 0), "lost such as {:?}", during.lost.first());
    assert!(here.iter().chain(&there).all(|took| *took < LIVE), "{took:?}");
    Ok(())
}
