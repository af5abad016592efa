//! Requests by consumer, as `/metrics` of the status listener and of the Admin API show them.

use gateway_tests::{Client, Gateway, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// A route that asks for a key, and the consumer `ann`.
async fn site(gateway: &Gateway, upstream: &Upstream, name: &str) -> anyhow::Result<()> {
    serve(gateway, name, &upstream.url()).await?;
    assign(gateway, name, &json!({ "name": "key-auth" })).await?;
    gateway.apply(Method::PUT, "/consumers/ann", &json!({})).await?;
    let key = json!({ "key": format!("key-{name}") });
    gateway.apply(Method::POST, "/consumers/ann/key-auth", &key).await?;
    let path = format!("/{name}");
    gateway.wait_for("it asks for keys", PATIENCE, &path, |answer| answer.status == 401).await?;
    Ok(())
}

async fn metrics(gateway: &Gateway) -> anyhow::Result<String> {
    Ok(Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text())
}

/// The value of one sample; 0 without it.
fn value(metrics: &str, sample: &str) -> u64 {
    let found = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Requests that the upstream answered with 200, and the bytes that they were answered with.
fn counted(metrics: &str, route: &str, consumer: &str) -> (u64, u64) {
    let of = format!("service=\"{route}\",route=\"{route}\"");
    let by = format!("workspace=\"default\",consumer=\"{consumer}\"");
    let requests = format!("kong_http_requests_total{{{of},code=\"200\",source=\"service\",{by}}}");
    let bytes = format!("kong_bandwidth_bytes{{{of},direction=\"egress\",{by}}}");
    (value(metrics, &requests), value(metrics, &bytes))
}

/// Sends requests of `ann` until they are counted under `consumer`.
async fn counts_under(gateway: &Gateway, route: &str, consumer: &str) -> anyhow::Result<()> {
    let before = counted(&metrics(gateway).await?, route, consumer).0;
    let (path, key) = (format!("/{route}"), format!("key-{route}"));
    let what = format!("requests on {route} are counted under {consumer:?}");
    eventually(&what, PATIENCE, || async {
        let answer = gateway.get(&path, &[("apikey", key.as_str())]).await;
        let after = metrics(gateway).await.map(|metrics| counted(&metrics, route, consumer).0);
        answer.is_ok_and(|answer| answer.status == 200) && after.is_ok_and(|after| after > before)
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_are_told_apart_where_it_is_asked_for() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    site(&gateway, &upstream, "apart").await?;
    site(&gateway, &upstream, "together").await?;
    counts_under(&gateway, "apart", "").await?;

    let everywhere = json!({ "name": "prometheus", "config": {
        "per_consumer": true, "status_code_metrics": true, "latency_metrics": true, "bandwidth_metrics": true,
    } });
    let made = gateway.apply(Method::POST, "/plugins", &everywhere).await?;
    assert_eq!(made["config"]["upstream_health_metrics"], json!(false), "Kong's default: {made}");
    counts_under(&gateway, "apart", "ann").await?;
    counts_under(&gateway, "together", "ann").await?;

    // The assignment of the route goes before the global one.
    assign(&gateway, "together", &json!({ "name": "prometheus" })).await?;
    counts_under(&gateway, "together", "").await?;

    let (before, key) = (metrics(&gateway).await?, [("apikey", "key-apart")]);
    let (under_ann, bytes) = counted(&before, "apart", "ann");
    let under_nobody = counted(&before, "apart", "").0;
    for _ in 0..5 {
        assert_eq!(gateway.get("/apart", &key).await?.status, 200);
    }
    assert_eq!(gateway.get("/apart", &[]).await?.status, 401);
    eventually("all five are counted, and once", PATIENCE, || async {
        metrics(&gateway).await.is_ok_and(|metrics| counted(&metrics, "apart", "ann").0 >= under_ann + 5)
    })
    .await?;
    let after = metrics(&gateway).await?;
    let (now, bytes_now) = counted(&after, "apart", "ann");
    assert_eq!(now, under_ann + 5, "{after}");
    assert!(bytes_now > bytes, "{after}");
    assert_eq!(counted(&after, "apart", "").0, under_nobody, "not a second time without the consumer");

    let refused = r#"kong_http_requests_total{service="apart",route="apart",code="401",source="kong",workspace="default",consumer=""}"#;
    let latencies = r#"kong_request_latency_ms_count{service="apart",route="apart",workspace="default"}"#;
    assert!(value(&after, refused) >= 1, "who is nobody is counted so: {after}");
    assert!(value(&after, latencies) >= now + under_nobody, "latencies are those of all: {after}");
    let admin = gateway.admin(Method::GET, "/metrics", &Value::Null).await?.text();
    assert_eq!(counted(&admin, "apart", "ann"), (now, bytes_now), "the Admin API shows the same");
    Ok(())
}
