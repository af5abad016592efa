//! Hostile plugins on one route: requests on another route do not notice.

use std::time::Duration;

use gateway_tests::{Gateway, Load, LoadReport, Upstream, percentile};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, component, gateway, serve};

async fn measure(gateway: &Gateway, time: Duration) -> LoadReport {
    let load = Load::start(gateway.proxy, 8, "/fine", &[], |answer| match answer.status.as_u16() {
        200 => Ok(()),
        status => Err(format!("{status} {}", answer.text())),
    });
    tokio::time::sleep(time).await;
    load.stop().await
}

#[tokio::test]
async fn loops_traps_and_memory_bombs_stay_on_their_route() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "fine", &upstream.url()).await?;
    let quiet = measure(&gateway, Duration::from_secs(3)).await;
    let alone = percentile(&quiet.latencies, 0.99);
    let uploaded = gateway.upload(component("tests/guests/hostile")?).await?;
    assert!(uploaded.status.is_success(), "{}", uploaded.text());
    for hostile in ["loop", "trap", "eat-memory", "recurse", "split-header"] {
        serve(&gateway, hostile, &upstream.url()).await?;
        let limits =
            json!({ "limits": { "guest_ms_per_call": 5, "memory_mib": 16 }, "on_failure": "closed" });
        let assignment = json!({ "name": "hostile", "config": { "how": hostile }, "sandbox": limits });
        assign(&gateway, hostile, &assignment).await?;
        let path = format!("/{hostile}");
        gateway.wait_for("the plugin is live", PATIENCE, &path, |answer| answer.status == 500).await?;
        let attack = Load::start(gateway.proxy, 2, &path, &[], |answer| match answer.status.as_u16() {
            500 | 503 => Ok(()),
            status => Err(format!("the failure policy is closed, yet: {status}")),
        });
        let beside = measure(&gateway, Duration::from_secs(3)).await;
        let attacked = attack.stop().await;
        let p99 = percentile(&beside.latencies, 0.99);
        println!(
            "{hostile}: p99 of the others {p99:?} beside {alone:?} without; {} calls cut short",
            attacked.good
        );
        assert!(beside.failures.is_empty(), "{hostile}: {:?}", beside.failures.first());
        assert!(attacked.failures.is_empty(), "{hostile}: {:?}", attacked.failures.first());
        assert!(attacked.good > 10, "{hostile} was really called: {}", attacked.good);
        // A neighbour waits for the calls that run before it on its worker: at most two connections'
        // budgets, plus scheduling noise on a busy machine. Without a limit it would wait for ever.
        let bound = alone + Duration::from_millis(2 * 6) + Duration::from_millis(200);
        assert!(p99 < bound, "{hostile}: p99 {p99:?}, bound {bound:?}");
    }
    let metrics = gateway_tests::Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
    let counted =
        metrics.lines().any(|line| line.starts_with("weir_plugin_calls_total") && line.contains("hostile"));
    assert!(counted, "the calls are in the metrics");
    Ok(())
}

#[tokio::test]
async fn a_plugin_that_misbehaves_when_configured_is_not_assigned() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "fine", &upstream.url()).await?;
    let uploaded = gateway.upload(component("tests/guests/hostile")?).await?;
    assert!(uploaded.status.is_success(), "{}", uploaded.text());
    let load = Load::start(gateway.proxy, 2, "/fine", &[], |answer| match answer.status.as_u16() {
        200 => Ok(()),
        status => Err(format!("{status} {}", answer.text())),
    });
    for (how, words) in [("loop", "time"), ("trap", "trap"), ("eat-memory", "memory"), ("recurse", "trap")] {
        let began = std::time::Instant::now();
        // Little memory and much time, so that a busy machine does not take one for the other.
        let sandbox = json!({ "limits": { "guest_ms_per_call": 500, "memory_mib": 8 } });
        let config = json!({ "how": how, "when": "configure" });
        let assignment = json!({ "name": "hostile", "config": config, "sandbox": sandbox });
        let refused = gateway.admin(Method::POST, "/routes/fine/plugins", &assignment).await?;
        let message = refused.json()["fields"]["config"].as_str().unwrap_or_default().to_owned();
        assert_eq!(refused.status, 400, "{how}: {}", refused.text());
        assert!(message.contains("failed while it was configured"), "{how}: {message}");
        assert!(message.contains(words), "{how}: {message}");
        assert!(began.elapsed() < Duration::from_secs(10), "{how} took {:?}", began.elapsed());
    }
    let report = load.stop().await;
    assert!(report.failures.is_empty(), "{:?}", report.failures.first());
    let assigned = gateway.apply(Method::GET, "/plugins", &json!(null)).await?;
    assert_eq!(assigned["data"], json!([]), "none of them was assigned");
    Ok(())
}
