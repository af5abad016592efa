//! How soon things happen: a loop is stopped, a component is live, and a long compilation is in nobody's way.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gateway_tests::{Client, Gateway, Load, LoadReport, Upstream, percentile};
use serde_json::json;

use crate::costly::costly;
use crate::setup::{PATIENCE, assign, component, component_with, gateway, serve};

/// What one call of the looping plugin may use.
const GUEST_MS: u64 = 5;
/// Processor time that the compilation may take.
const COMPILE_SECONDS: u64 = 8;
/// What the machine may add by running other things on the same two cores.
const NOISE: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_loop_is_stopped_soon_after_its_deadline() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let gateway = gateway().start().await?;
    for route in ["fine", "loop"] {
        serve(&gateway, route, &upstream.url()).await?;
    }
    let uploaded = gateway.upload(component("tests/guests/hostile")?).await?;
    ensure!(uploaded.status.is_success(), "{}", uploaded.text());
    let sandbox = json!({ "limits": { "guest_ms_per_call": GUEST_MS }, "breaker": { "failures": 0 } });
    assign(&gateway, "loop", &json!({ "name": "hostile", "config": { "how": "loop" }, "sandbox": sandbox }))
        .await?;
    gateway.wait_for("the plugin is live", PATIENCE, "/loop", |answer| answer.status == 500).await?;
    let (plain, stopped) = (median(&gateway, "/fine", 200).await?, median(&gateway, "/loop", 500).await?);
    println!("a call with {GUEST_MS} ms is answered after {stopped:?}, a request without it after {plain:?}");
    ensure!(stopped >= Duration::from_millis(GUEST_MS), "it had less time than it may use: {stopped:?}");
    let bound = Duration::from_millis(GUEST_MS + 2) + plain + NOISE;
    ensure!(stopped < bound, "stopped after {stopped:?}, bound {bound:?}");
    Ok(())
}

/// The median time of 100 requests, one after the other.
async fn median(gateway: &Gateway, path: &str, status: u16) -> anyhow::Result<Duration> {
    let mut client = Client::connect(gateway.proxy).await?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        let answer = client.get(path, &[]).await?;
        times.push(began.elapsed());
        ensure!(answer.status == status, "{path}: {} {}", answer.status, answer.text());
    }
    Ok(percentile(&times, 0.5))
}

#[tokio::test]
async fn an_uploaded_component_is_live_soon() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    let mut times = Vec::new();
    let mut size = 0;
    for version in 1..=5 {
        let version = format!("{version}.0.0");
        let component = component_with("tests/guests/stamp", &[("WEIR_STAMP_VERSION", &version)])?;
        size = component.len();
        let began = Instant::now();
        let uploaded = gateway.upload(component).await?;
        ensure!(uploaded.status == 201, "{}", uploaded.text());
        if version == "1.0.0" {
            assign(&gateway, "demo", &json!({ "name": "stamp", "config": { "mark": "m" } })).await?;
        }
        let want = format!("m {version}");
        let live = |answer: &gateway_tests::Answer| answer.header("x-stamp") == want;
        let path = "/demo";
        gateway.wait_for("the version", PATIENCE, path, live).await?;
        times.push(began.elapsed());
    }
    println!("a component of {size} bytes is live {times:?} after its upload began");
    let slowest = times.iter().max().context("five times")?;
    ensure!(*slowest < Duration::from_secs(5), "{slowest:?}");
    Ok(())
}

#[tokio::test]
async fn a_long_compilation_delays_no_request() -> anyhow::Result<()> {
    let upstream = Upstream::taking(Duration::from_millis(5), |_| http::Response::default()).await?;
    // The bundled plugins are compiled without the limit; the next one finds them compiled.
    drop(gateway().start().await?);
    let gateway = gateway()
        .set("WEIR_PROXY_ACCESS_LOG", "off")
        .set("WEIR_PLUGIN_COMPILE_TIME", COMPILE_SECONDS.to_string())
        .start()
        .await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    let without = measured(&gateway, tokio::time::sleep(Duration::from_secs(COMPILE_SECONDS / 2))).await.0;
    let (beside, refused) =
        measured(&gateway, async { (Instant::now(), gateway.upload(costly()).await) }).await;
    let (began, refused) = refused;
    let took = began.elapsed();
    let refused = refused?;
    // A fast machine gets to its end, and then finds that it is no plugin.
    ensure!(refused.status == 400, "{}", refused.text());
    ensure!(took >= Duration::from_secs(1), "it compiled for {took:?} only");
    let [p99_without, p99] = [&without, &beside].map(|report| percentile(&report.latencies, 0.99));
    println!(
        "beside a compilation of {took:?}: {} requests, {} failed, p99 {p99:?}; {p99_without:?} without",
        beside.good,
        beside.failures.len()
    );
    ensure!(beside.failures.is_empty() && without.failures.is_empty(), "{:?}", beside.failures.first());
    ensure!(p99 < p99_without + NOISE, "p99 {p99:?} beside the compilation, {p99_without:?} without");
    Ok(())
}

/// Keeps eight connections busy while something goes on.
async fn measured<T>(gateway: &Gateway, meanwhile: impl Future<Output = T>) -> (LoadReport, T) {
    let load = Load::start(gateway.proxy, 8, "/demo", &[], |answer| match answer.status.as_u16() {
        200 => Ok(()),
        status => Err(status.to_string()),
    });
    let done = meanwhile.await;
    (load.stop().await, done)
}
