//! A hundred thousand traps: the memory of the gateway stays where it was, and every slot comes back.

use std::time::{Duration, Instant};

use anyhow::Context;
use gateway_tests::{Client, Gateway, Load, Upstream, eventually};
use serde_json::json;

use crate::setup::{PATIENCE, assign, component, gateway, serve};

/// Traps after which caches and pools are as large as they get.
const WARM_UP: u64 = 10_000;
const TRAPS: u64 = 100_000;

/// How much more memory the process may have after them: what an allocator keeps for itself.
const FLAT: u64 = 8 << 20;

/// A machine that manages fewer than this many in a second is too slow to say anything.
const LONGEST: Duration = Duration::from_secs(180);

/// Resident memory of a process, in bytes.
fn resident(gateway: &Gateway) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib << 10)
}

/// The sum of the samples that begin with `name` and hold `part`.
async fn metric(gateway: &Gateway, name: &str, part: &str) -> anyhow::Result<u64> {
    let page = Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
    let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(part));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
}

async fn traps(gateway: &Gateway) -> anyhow::Result<u64> {
    metric(gateway, "weir_plugin_calls_total", r#"outcome="trap""#).await
}

#[tokio::test]
async fn a_hundred_thousand_traps_leave_memory_flat() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let gateway = gateway().set("WEIR_PROXY_ACCESS_LOG", "off").start().await?;
    let uploaded = gateway.upload(component("tests/guests/hostile")?).await?;
    assert!(uploaded.status.is_success(), "{}", uploaded.text());
    serve(&gateway, "trap", &upstream.url()).await?;
    // Without a breaker, or most requests would not reach the plugin.
    let sandbox = json!({ "breaker": { "failures": 0 }, "on_failure": "closed" });
    let assignment = json!({ "name": "hostile", "config": { "how": "trap" }, "sandbox": sandbox });
    assign(&gateway, "trap", &assignment).await?;
    gateway.wait_for("the plugin is live", PATIENCE, "/trap", |answer| answer.status == 500).await?;
    let load = Load::start(gateway.proxy, 8, "/trap", &[], |answer| match answer.status.as_u16() {
        500 => Ok(()),
        status => Err(format!("the failure policy is closed, yet: {status}")),
    });
    let reached = |count| {
        let gateway = &gateway;
        move || async move { traps(gateway).await.is_ok_and(|traps| traps >= count) }
    };
    let began = Instant::now();
    eventually("the first traps", LONGEST, reached(WARM_UP)).await?;
    let before = resident(&gateway)?;
    eventually("all traps", LONGEST, reached(WARM_UP + TRAPS)).await?;
    let after = resident(&gateway)?;
    let report = load.stop().await;
    println!(
        "{} traps in {:?}: {} KiB resident before, {} KiB after",
        traps(&gateway).await?,
        began.elapsed(),
        before >> 10,
        after >> 10
    );
    assert!(report.failures.is_empty(), "{:?}", report.failures.first());
    assert!(after < before + FLAT, "{before} bytes before, {after} after");
    assert_eq!(metric(&gateway, "weir_plugin_instances ", "").await?, 0, "no instance is left");
    Ok(())
}
