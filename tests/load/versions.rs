//! Thousands of version swaps under load: no request fails, and memory stays where it was.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gateway_tests::{Client, Load, Upstream, percentile, request};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, component_with, gateway, serve};

/// Swaps of an ordinary run; `WEIR_TEST_SWAPS` says otherwise.
const SWAPS: usize = 500;
/// Swaps before memory is measured first: pools, arenas and caches have their size by then.
const WARM: usize = 100;
/// Growth that is allowed, in percent.
const GROWTH: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_swaps_under_load_fail_no_request_and_leave_memory_flat() -> anyhow::Result<()> {
    let swaps = std::env::var("WEIR_TEST_SWAPS").ok().and_then(|text| text.parse().ok()).unwrap_or(SWAPS);
    let upstream = Upstream::taking(Duration::from_millis(5), |_| http::Response::default()).await?;
    let node = gateway().set("WEIR_PROXY_ACCESS_LOG", "off").start().await?;
    for version in ["1.0.0", "2.0.0"] {
        let component = component_with("tests/guests/stamp", &[("WEIR_STAMP_VERSION", version)])?;
        ensure!(node.upload(component).await?.status == 201, "{version} is taken");
    }
    serve(&node, "demo", &upstream.url()).await?;
    assign(&node, "demo", &json!({ "name": "stamp", "config": { "mark": "m" } })).await?;
    node.wait_for("it runs", PATIENCE, "/demo", |answer| !answer.header("x-stamp").is_empty()).await?;
    let load = Load::start(node.proxy, 8, "/demo", &[], |answer| match answer.header("x-stamp") {
        "m 1.0.0" | "m 2.0.0" if answer.status == 200 => Ok(()),
        other => Err(format!("{} {other:?}", answer.status)),
    });
    let began = Instant::now();
    let mut admin = Client::connect(node.admin).await?;
    let mut before = 0;
    for swap in 0..swaps + WARM {
        if swap == WARM {
            before = resident(node.pid())?;
        }
        let version = if swap % 2 == 0 { "1.0.0" } else { "2.0.0" };
        let body = json!({ "active_version": version }).to_string();
        let media = [("content-type", "application/json")];
        let answer = admin.send(request(Method::PATCH, "/custom-plugins/stamp", &media, body)?).await?;
        ensure!(answer.status == 200, "swap {swap}: {}", answer.text());
        // Live, not only written: the next swap must not swallow this one.
        let want = format!("m {version}");
        node.wait_for("the version", PATIENCE, "/demo", |answer| answer.header("x-stamp") == want).await?;
    }
    let after = resident(node.pid())?;
    let report = load.stop().await;
    println!(
        "{swaps} swaps in {:?}: {} requests, {} failed, p99 {:?}; resident {before} KiB, then {after} KiB",
        began.elapsed(),
        report.good,
        report.failures.len(),
        percentile(&report.latencies, 0.99)
    );
    ensure!(report.failures.is_empty(), "{} failures: {:?}", report.failures.len(), report.failures.first());
    ensure!(after * 100 <= before * (100 + GROWTH), "memory grew from {before} to {after} KiB");
    let shown = node.apply(Method::GET, "/custom-plugins/stamp/versions/1.0.0", &Value::Null).await?;
    ensure!(shown["in_use"]["assignments"].as_u64() <= Some(2), "old assignments are let go: {shown}");
    Ok(())
}

/// Resident memory in KiB.
fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
