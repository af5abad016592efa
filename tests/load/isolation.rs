//! Hostile plugins on one route: what they do to the latency of another one.
//!
//! That each of them is stopped and answered by its policy is `tests/integration/isolation.rs`.

use std::time::Duration;

use gateway_tests::{Gateway, Load, LoadReport, Upstream, percentile};
use serde_json::json;

use crate::setup::{PATIENCE, assign, component, gateway, serve};

/// What one call of a hostile plugin may use.
const GUEST_MS: u64 = 5;

/// Connections that call the hostile plugin.
const ATTACKERS: usize = 2;

/// What the machine may add by running other things on the same two cores.
const NOISE: Duration = Duration::from_millis(50);

async fn measure(gateway: &Gateway, time: Duration) -> LoadReport {
    let load = Load::start(gateway.proxy, 8, "/fine", &[], |answer| match answer.status.as_u16() {
        200 => Ok(()),
        status => Err(format!("{status} {}", answer.text())),
    });
    tokio::time::sleep(time).await;
    load.stop().await
}

#[tokio::test]
async fn hostile_plugins_cost_other_routes_little_time() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "fine", &upstream.url()).await?;
    let uploaded = gateway.upload(component("tests/guests/hostile")?).await?;
    assert!(uploaded.status.is_success(), "{}", uploaded.text());
    // With 0 a plugin that keeps failing is called with each request all the same.
    for (hostile, failures) in [("loop", 10), ("loop", 0), ("trap", 0), ("eat-memory", 0)] {
        let route = format!("{hostile}-{failures}");
        serve(&gateway, &route, &upstream.url()).await?;
        let limits = json!({ "limits": { "guest_ms_per_call": GUEST_MS, "memory_mib": 16 }, "on_failure": "closed",
                "breaker": { "failures": failures } });
        let assignment = json!({ "name": "hostile", "config": { "how": hostile }, "sandbox": limits });
        assign(&gateway, &route, &assignment).await?;
        let path = format!("/{route}");
        gateway.wait_for("the plugin is live", PATIENCE, &path, |answer| answer.status == 500).await?;
        let without = measure(&gateway, Duration::from_secs(3)).await;
        let attack =
            Load::start(gateway.proxy, ATTACKERS, &path, &[], |answer| match answer.status.as_u16() {
                500 | 503 => Ok(()),
                status => Err(format!("the failure policy is closed, yet: {status}")),
            });
        let beside = measure(&gateway, Duration::from_secs(3)).await;
        let attacked = attack.stop().await;
        let [p99_without, p99] =
            [&without, &beside].map(|report: &LoadReport| percentile(&report.latencies, 0.99));
        println!(
            "{route}: {} requests of another route, {} failed, p99 {p99:?} beside {p99_without:?} without; \
             {} calls cut short",
            beside.good,
            beside.failures.len(),
            attacked.good
        );
        assert!(without.failures.is_empty(), "{hostile}: {:?}", without.failures.first());
        assert!(beside.failures.is_empty(), "{hostile}: {:?}", beside.failures.first());
        assert!(attacked.failures.is_empty(), "{hostile}: {:?}", attacked.failures.first());
        assert!(attacked.good > 20, "{hostile} was really called: {}", attacked.good);
        // A request waits for the hostile calls before it on its worker, each of which ends within
        // its time and two ticks; without that limit it would wait for ever.
        let calls = Duration::from_millis(GUEST_MS + 2) * u32::try_from(ATTACKERS)?;
        let bound = p99_without + calls + NOISE;
        assert!(p99 < bound, "{hostile}: p99 {p99:?}, bound {bound:?}");
    }
    Ok(())
}
