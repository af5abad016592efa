//! Changes of binary under load: each new process takes the sockets over, and nothing is lost or refused.

use std::path::Path;
use std::time::{Duration, Instant};

use gateway_tests::{Gateway, Pace, Upstream};
use http_body_util::Full;

use super::sized;
use crate::setup::{PATIENCE, gateway, serve};

/// What the upstream takes to answer.
const UPSTREAM_TIME: Duration = Duration::from_millis(5);

/// Connections that are kept, and clients that connect for each request.
const KEPT: u32 = 100;
const FRESH: u32 = 20;

async fn process(folder: &Path, before: Option<&Gateway>) -> anyhow::Result<Gateway> {
    let builder = gateway().set("WEIR_PROXY_ACCESS_LOG", "off");
    match before {
        // The folder outlives every one of the processes.
        None => builder.prefix(folder).start().await,
        Some(before) => builder.after(before).spawn(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_2_a_new_process_takes_over_and_no_request_is_lost() -> anyhow::Result<()> {
    let (changes, rate) = sized((5, 300), (10, 1000));
    let upstream = Upstream::taking(UPSTREAM_TIME, |_| http::Response::new(Full::default())).await?;
    let folder = tempfile::tempdir()?;
    let mut running = process(folder.path(), None).await?;
    serve(&running, "echo", &upstream.url()).await?;
    let pace = Pace { address: running.proxy, path: "/echo".to_owned(), rate, kept: KEPT, fresh: FRESH };
    let pacing = pace.start();
    let mut slowest = Duration::ZERO;
    for _ in 0..changes {
        tokio::time::sleep(Duration::from_millis(sized(100, 1000))).await;
        let began = Instant::now();
        let next = process(folder.path(), Some(&running)).await?;
        let ended = running.ended(Duration::from_secs(180)).await?;
        anyhow::ensure!(ended.success(), "{ended}: {}", running.log());
        slowest = slowest.max(began.elapsed());
        running = next;
        running.wait_for("the new process serves", PATIENCE, "/echo", |answer| answer.status == 200).await?;
    }
    let report = pacing.stop().await;
    let good = report.times(200).len();
    let lost = report.lost.len() + report.answers.len() - good;
    println!(
        "P2: {changes} changes of process at {rate} requests/s: {good} answered, {} refused, {lost} lost, {} races on {KEPT} kept \
         connections; p99 {:?}; a change took {slowest:?} at most",
        report.refused,
        report.races,
        report.within(200, 0.99),
    );
    assert_eq!((report.refused, lost), (0, 0), "lost such as {:?}", report.lost.first());
    assert!(report.races <= changes, "{} kept connections were closed under a request", report.races);
    assert!(good > 500, "the load was a load: {good}");
    Ok(())
}
