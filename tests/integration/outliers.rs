//! What goes beyond Kong where targets fail: ejection of those that fail in a row, and a budget for second attempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use bytes::Bytes;
use gateway_tests::{Client, Gateway, Upstream, eventually};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::balancing::resetting;
use crate::setup::{PATIENCE, balance, gateway};

/// A line of the metrics that begins so; 0 if there is none.
async fn metric(gateway: &Gateway, beginning: &str) -> anyhow::Result<u64> {
    let text = Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
    let line = text.lines().find(|line| line.starts_with(beginning));
    Ok(line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0))
}

#[tokio::test]
async fn a_target_that_fails_in_a_row_is_left_alone_and_comes_back() -> anyhow::Result<()> {
    let status = Arc::new(AtomicU16::new(500));
    let now = Arc::clone(&status);
    let bad = Upstream::start(move |_| {
        let answer = Response::builder().status(now.load(Ordering::Relaxed));
        answer.body(Full::new(Bytes::new())).unwrap_or_default()
    })
    .await?;
    let good = Upstream::saying("good").await?;
    let gateway = gateway()
        .set("WEIR_WORKERS", "1")
        .set("WEIR_OUTLIER_CONSECUTIVE_ERRORS", "5")
        .set("WEIR_OUTLIER_EJECTION_TIME", "6s")
        .start()
        .await?;
    let targets = [&bad, &good].map(|upstream| (upstream.address().to_string(), 100));
    balance(&gateway, "eject", &json!({}), &targets).await?;
    let mut client = Client::connect(gateway.proxy).await?;
    let before = bad.seen().len();
    let mut failed = before;
    for _ in 0..16 {
        failed += usize::from(client.get("/eject", &[]).await?.status == 500);
    }
    assert_eq!(failed, 5, "five failures are enough, and no request more goes there");
    let health = gateway.apply(Method::GET, "/upstreams/eject/health", &Value::Null).await?;
    let said: Vec<_> =
        health["data"].as_array().into_iter().flatten().map(|one| one["health"].clone()).collect();
    assert!(said.contains(&json!("UNHEALTHY")) && said.contains(&json!("HEALTHCHECKS_OFF")), "{said:?}");
    assert_eq!(metric(&gateway, "weir_upstream_target_ejections_total{upstream=\"eject\"").await?, 1);
    status.store(200, Ordering::Relaxed);
    let back = || async {
        let before = bad.seen().len();
        _ = gateway.get("/eject", &[]).await;
        _ = gateway.get("/eject", &[]).await;
        bad.seen().len() > before
    };
    eventually("it is asked again", PATIENCE, back).await?;
    Ok(())
}

#[tokio::test]
async fn an_upstream_that_fails_every_request_is_not_asked_six_times_for_each() -> anyhow::Result<()> {
    let (one, other) = (resetting().await?, resetting().await?);
    let seen = || one.1.load(Ordering::Relaxed) + other.1.load(Ordering::Relaxed);
    let mut attempts = Vec::new();
    for percent in ["20", "0"] {
        let gateway = gateway()
            .set("WEIR_WORKERS", "1")
            .set("WEIR_RETRY_BUDGET_PERCENT", percent)
            .set("WEIR_RETRY_BUDGET_FLOOR", "0")
            .start()
            .await?;
        let targets = [&one, &other].map(|(address, _)| (address.clone(), 100));
        balance(&gateway, "storm", &json!({}), &targets).await?;
        let before = seen();
        for _ in 0..200 {
            let answer = gateway.get("/storm", &[]).await?;
            assert_eq!(answer.status, 502, "{percent} %");
        }
        attempts.push(seen() - before);
        let refused = metric(&gateway, "weir_retries_refused_total").await?;
        assert_eq!(refused > 0, percent == "20", "{refused} at {percent} %");
    }
    let (bounded, unbounded) = (attempts[0], attempts[1]);
    println!("200 requests that fail: {bounded} attempts with a budget of 20 %, {unbounded} without");
    assert!((201..=245).contains(&bounded), "{bounded} attempts of 200 requests with a budget of 20 %");
    assert_eq!(unbounded, 1_200, "and as many as `retries` allows without");
    Ok(())
}
