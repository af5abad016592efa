//! Redis dies, hangs or crawls while plugins count in it: requests go on as the plugin's policy says, few wait for it,
//! and counting goes on when it is back.
//!
//! `WEIR_TEST_OUTAGE_SECONDS` makes each outage as long as that.

use std::time::{Duration, Instant};

use gateway_tests::{Answer, Gateway, Link, Load, Redis, Relay, Upstream, eventually, percentile};
use serde_json::json;

use crate::setup::{PATIENCE, assign, component, gateway, serve};

/// `redis_timeout`: what a request may wait for it.
const TIMEOUT: Duration = Duration::from_millis(1_000);
/// Counting goes on within this time after Redis is back.
const BACK: Duration = Duration::from_secs(10);

fn outage() -> Duration {
    let seconds = std::env::var("WEIR_TEST_OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(4))
}

fn is_counted(answer: &Answer) -> bool {
    !answer.header("x-limit-remaining").is_empty()
}

/// Two routes with a limit that nobody meets; they differ in what happens when nobody counts.
async fn start(relay: &Relay, upstream: &Upstream) -> anyhow::Result<Gateway> {
    let gateway = gateway()
        .set("WEIR_REDIS_HOST", relay.address().ip().to_string())
        .set("WEIR_REDIS_PORT", relay.address().port().to_string())
        .set("WEIR_REDIS_TIMEOUT", TIMEOUT.as_millis().to_string())
        .set("WEIR_PROXY_ACCESS_LOG", "off")
        .start()
        .await?;
    let uploaded = gateway.upload(component("example-plugins/rust/shared-limit")?).await?;
    anyhow::ensure!(uploaded.status == 201, "{} {}", uploaded.status, uploaded.text());
    for policy in ["allow", "refuse"] {
        serve(&gateway, policy, &upstream.url()).await?;
        let limit = json!({
            "name": "shared-limit", "config": { "limit": 1_000_000_000, "on_outage": policy },
            "sandbox": { "grants": { "shared-counters": { "backend": "redis" } } },
        });
        assign(&gateway, policy, &limit).await?;
        gateway.wait_for("the limit is live", PATIENCE, &format!("/{policy}"), is_counted).await?;
    }
    Ok(gateway)
}

/// Four clients of each route, and what each policy promises.
fn loads(gateway: &Gateway) -> [Load; 2] {
    let wrong = |answer: &Answer| Err(format!("{} {}", answer.status, answer.text()));
    [
        Load::start(gateway.proxy, 4, "/allow", &[], move |answer| match answer.status.as_u16() {
            200 => Ok(()),
            _ => wrong(answer),
        }),
        Load::start(gateway.proxy, 4, "/refuse", &[], move |answer| match answer.status.as_u16() {
            200 => Ok(()),
            503 if answer.text().contains("Try again later") => Ok(()),
            _ => wrong(answer),
        }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_away_costs_what_the_plugin_says() -> anyhow::Result<()> {
    let mut redis = Redis::start()?;
    let relay = Relay::to(("127.0.0.1", redis.address().port())).await?;
    let upstream = Upstream::taking(Duration::from_millis(5), |_| {
        http::Response::new(http_body_util::Full::new(bytes::Bytes::from("hello")))
    })
    .await?;
    let gateway = start(&relay, &upstream).await?;
    for trouble in ["killed", "cut", "slow by 5 s"] {
        let running = loads(&gateway);
        tokio::time::sleep(Duration::from_millis(500)).await;
        match trouble {
            "killed" => redis.stop(),
            "cut" => relay.set(Link::Cut),
            _ => relay.set(Link::Slow),
        }
        let uncounted =
            || async { gateway.get("/allow", &[]).await.is_ok_and(|answer| !is_counted(&answer)) };
        eventually("nobody counts", Duration::from_secs(10), uncounted).await?;
        let refused = gateway.get("/refuse", &[]).await?;
        assert_eq!(refused.status, 503, "{trouble}: {}", refused.text());
        tokio::time::sleep(outage()).await;
        match trouble {
            "killed" => redis.start_again()?,
            _ => relay.set(Link::Up),
        }
        let began = Instant::now();
        let counted = || async { gateway.get("/refuse", &[]).await.is_ok_and(|answer| is_counted(&answer)) };
        eventually("it is counted again", Duration::from_secs(60), counted).await?;
        let back = began.elapsed();
        let mut latencies = Vec::new();
        for load in running {
            let report = load.stop().await;
            assert!(report.failures.is_empty(), "{trouble}: {:?}", report.failures.first());
            latencies.extend(report.latencies);
        }
        let [p99, most] = [0.99, 1.0].map(|share| percentile(&latencies, share));
        println!(
            "redis {trouble} for {:?}: {} requests, 0 against the policy; p99 {p99:?}, slowest {most:?}; counted again after {back:?}",
            outage(),
            latencies.len()
        );
        assert!(p99 < TIMEOUT / 2 && most < TIMEOUT * 2, "{trouble}: {p99:?} {most:?}");
        assert!(back < BACK, "{trouble}: {back:?}");
    }
    Ok(())
}
