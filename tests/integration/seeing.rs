//! What operators see of plugins: where the time goes, and which of them are left alone.

use gateway_tests::{Client, Upstream};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, component, gateway, serve};

#[tokio::test]
async fn server_timing_is_for_those_whom_the_operator_names() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let gateway = gateway().set("WEIR_SERVER_TIMING", "alice, 192.0.2.0/24").start().await?;
    serve(&gateway, "kept", &upstream.url()).await?;
    for name in ["alice", "bob"] {
        gateway.apply(Method::PUT, &format!("/consumers/{name}"), &json!({})).await?;
        let key = json!({ "key": format!("key-of-{name}") });
        gateway.apply(Method::POST, &format!("/consumers/{name}/key-auth"), &key).await?;
    }
    assign(&gateway, "kept", &json!({ "name": "key-auth" })).await?;
    gateway.wait_for("the plugin is live", PATIENCE, "/kept", |answer| answer.status == 401).await?;
    let alice = gateway.get("/kept", &[("apikey", "key-of-alice")]).await?;
    assert_eq!(alice.status, 200, "{}", alice.text());
    let timing = alice.header("server-timing");
    let names: Vec<_> = timing.split(", ").filter_map(|entry| entry.split_once(";dur=")).collect();
    let [("gateway", _), ("upstream", _), ("plugins", all), ("plugin.key-auth", one)] = names[..] else {
        panic!("{timing}");
    };
    assert_eq!(all.parse::<f64>()?, one.parse::<f64>()?, "one plugin, and so all of the time: {timing}");
    assert!(one.parse::<f64>()? > 0.0, "{timing}");
    for (who, key) in [("another consumer", "key-of-bob"), ("nobody", "key-of-mallory")] {
        let answer = gateway.get("/kept", &[("apikey", key)]).await?;
        assert_eq!(answer.header("server-timing"), "", "{who}");
    }
    Ok(())
}

#[tokio::test]
async fn a_plugin_that_keeps_trapping_is_left_alone_and_shown() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
    serve(&gateway, "trap", &upstream.url()).await?;
    let uploaded = gateway.upload(component("tests/guests/hostile")?).await?;
    assert!(uploaded.status.is_success(), "{}", uploaded.text());
    // A rest that outlasts the test.
    let sandbox = json!({ "breaker": { "failures": 3, "rest_ms": 60_000 }, "on_failure": "closed" });
    let assignment = json!({ "name": "hostile", "config": { "how": "trap" }, "sandbox": sandbox });
    let made = assign(&gateway, "trap", &assignment).await?;
    let resting = gateway.wait_for("it rests", PATIENCE, "/trap", |answer| answer.status == 503).await;
    resting?;
    let answer = gateway.get("/trap", &[]).await?;
    assert_eq!(answer.json()["message"], "Service unavailable", "Kong's words: {}", answer.text());
    assert!(answer.header("retry-after").parse::<u32>()? > 0);
    let mut status = Client::connect(gateway.status).await?;
    let body = status.get("/status", &[]).await?.json();
    assert_eq!(body["plugins_unusual"][0]["assignment"], made["id"], "{body}");
    assert_eq!(body["plugins_unusual"][0]["resting_workers"], 1, "{body}");
    let metrics = status.get("/metrics", &[]).await?.text();
    let counted = |name: &str, part: &str, value: &str| {
        let mut lines = metrics.lines().filter(|line| line.starts_with(name) && line.contains(part));
        lines.any(|line| line.ends_with(value))
    };
    for (name, part, value) in [
        ("weir_plugin_calls_total", "outcome=\"trap\"", " 3"),
        ("weir_plugin_breaker_open{", "plugin=\"hostile\"", " 1"),
        ("weir_plugin_breaker_opened_total", "plugin=\"hostile\"", " 1"),
    ] {
        assert!(counted(name, part, value), "{name} with {part} is{value} in\n{metrics}");
    }
    let log = gateway.log();
    assert!(
        log.contains("the plugin trapped") && log.contains("hostile::How::act"),
        "a name in the backtrace: {log}"
    );
    Ok(())
}
