//! Plugins that reach for what is outside of them: hosts that are slow or never answer, and secrets.

use std::time::{Duration, Instant};

use gateway_tests::{Client, Gateway, Upstream};
use http::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{PATIENCE, assign, component, gateway, serve};

/// A gateway with the plugin on the route `/reach`.
async fn reach(gateway: &Gateway, config: &Value, sandbox: Value) -> anyhow::Result<Upstream> {
    let upstream = Upstream::saying("fine").await?;
    serve(gateway, "reach", &upstream.url()).await?;
    let uploaded = gateway.upload(component("tests/guests/reach")?).await?;
    anyhow::ensure!(uploaded.status == 201, "{}", uploaded.text());
    let mut sandbox = sandbox;
    sandbox["grants"] = json!({
        "http-client": { "hosts": ["127.0.0.1"] }, "logging": {}, "metrics": {},
        "secrets": { "names": { "key": "{vault://env/REACH_KEY}" }, "reveal": ["key"] },
    });
    assign(gateway, "reach", &json!({ "name": "reach", "config": config, "sandbox": sandbox })).await?;
    Ok(upstream)
}

#[tokio::test]
async fn calls_of_one_send_all_run_side_by_side() -> anyhow::Result<()> {
    const EACH: Duration = Duration::from_millis(1000);
    let slow = Upstream::taking(EACH, |_| http::Response::new(http_body_util::Full::default())).await?;
    let gateway = gateway().set("REACH_KEY", "k").start().await?;
    // Sixteen are the most of one call.
    let config = json!({ "urls": vec![slow.url(); 16] });
    let _upstream = reach(&gateway, &config, json!({ "limits": { "wall_ms_per_exchange": 30_000 } })).await?;
    let reached = |answer: &gateway_tests::Answer| answer.header("x-reached") == ["200"; 16].join(" ");
    gateway.wait_for("all were reached", PATIENCE, "/reach", reached).await?;
    let begun = Instant::now();
    assert!(reached(&gateway.get("/reach", &[]).await?), "again");
    // One after the other they would take sixteen times as long.
    assert!(begun.elapsed() >= EACH && begun.elapsed() < 5 * EACH, "{:?}", begun.elapsed());
    Ok(())
}

type Request = tokio::task::JoinHandle<anyhow::Result<gateway_tests::Answer>>;

/// Requests whose plugins wait for the tar pit, with its ends of their connections. Requests that come before the
/// plugin is live are answered by the upstream, and not counted.
async fn eight_calls(gateway: &Gateway, tar_pit: &TcpListener) -> anyhow::Result<Vec<(Request, TcpStream)>> {
    let mut waiting = Vec::new();
    while waiting.len() < 8 {
        let mut client = Client::connect(gateway.proxy).await?;
        let request = tokio::spawn(async move { client.get("/reach", &[]).await });
        if let Ok(accepted) = tokio::time::timeout(Duration::from_secs(1), tar_pit.accept()).await {
            waiting.push((request, accepted?.0));
        }
    }
    Ok(waiting)
}

#[tokio::test]
async fn a_shutdown_waits_for_no_host_call_longer_than_for_its_request() -> anyhow::Result<()> {
    // Accepts, and says nothing.
    let tar_pit = TcpListener::bind("127.0.0.1:0").await?;
    let config = json!({ "urls": [format!("http://{}/", tar_pit.local_addr()?)] });
    for (case, wall, status) in
        [("the call ends first", 1500, 500), ("the grace period ends first", 60_000, 0)]
    {
        let mut gateway = gateway().set("REACH_KEY", "k").set("WEIR_GRACE_PERIOD", "4").start().await?;
        let _upstream =
            reach(&gateway, &config, json!({ "limits": { "wall_ms_per_exchange": wall } })).await?;
        let waiting = eight_calls(&gateway, &tar_pit).await?;
        let begun = Instant::now();
        gateway.signal("TERM")?;
        for (request, _held) in waiting {
            let answered = request.await?.map_or(0, |answer| answer.status.as_u16());
            assert_eq!(answered, status, "{case}");
        }
        let ended = gateway.ended(Duration::from_secs(20)).await?;
        assert!(begun.elapsed() < Duration::from_secs(8), "{case}: {:?}", begun.elapsed());
        assert!(!gateway.log().contains("panicked"), "{case}: {}", gateway.log());
        assert!(ended.success(), "{case}: {ended}");
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_that_a_plugin_tells_everybody_comes_nowhere() -> anyhow::Result<()> {
    const SECRET: &str = "hunter2-correct-horse";
    let gateway = gateway().set("REACH_KEY", SECRET).start().await?;
    let _upstream =
        reach(&gateway, &json!({ "tell": true }), json!({ "breaker": { "failures": 0 } })).await?;
    let file = gateway.prefix().join("record.log");
    let record = json!({ "name": "file-log", "config": { "path": file, "reopen": true } });
    assign(&gateway, "reach", &record).await?;
    gateway.wait_for("it fails, as it said", PATIENCE, "/reach", |answer| answer.status == 500).await?;
    let written = || async {
        _ = gateway.get("/reach", &[]).await;
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("it is [secret]!"))
    };
    gateway_tests::eventually("the record of the exchange is written", PATIENCE, written).await?;
    let lines = gateway.admin(Method::GET, "/custom-plugins/reach/logs", &Value::Null).await?.text();
    let metrics = Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
    let shown = gateway.apply(Method::GET, "/plugins", &Value::Null).await?.to_string();
    let [log, record] = [gateway.log(), std::fs::read_to_string(&file)?];
    let mut access = String::new();
    for entry in std::fs::read_dir(gateway.prefix().join("logs"))?.flatten() {
        access.push_str(&std::fs::read_to_string(entry.path()).unwrap_or_default());
    }
    for (place, text, told) in [
        ("the log", &log, "the key is [secret]"),
        ("why it failed", &log, "the plugin failed: the key was [secret]"),
        ("the lines for its author", &lines, "the key is [secret]"),
        ("the record of the exchange", &record, "[secret]"),
        ("metrics", &metrics, "[secret]"),
        ("the Admin API", &shown, "vault://env/REACH_KEY"),
        ("the access log", &access, ""),
    ] {
        assert!(text.contains(told), "{place} has {told:?}: {text}");
        assert!(!text.contains(SECRET), "{place}: {text}");
    }
    Ok(())
}
