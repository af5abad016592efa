//! More than the gateway can do: it says so early, and those who run it still get in.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{Client, Gateway, Upstream};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, gateway, serve};

async fn upstream() -> anyhow::Result<Upstream> {
    Upstream::start(|_| Response::new(Full::new(Bytes::from_static(b"ok")))).await
}

/// How much was turned away for this reason.
async fn shed(gateway: &Gateway, reason: &str) -> anyhow::Result<u64> {
    let metrics = Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
    let name = format!("weir_shed_total{{reason=\"{reason}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    Ok(line.unwrap_or_default().parse()?)
}

/// Connections that are served, up to eight.
async fn fill(gateway: &Gateway) -> anyhow::Result<Vec<Client>> {
    let mut served = Vec::new();
    while served.len() < 8 {
        let mut client = Client::connect(gateway.proxy).await?;
        if !client.get("/echo", &[]).await.is_ok_and(|answer| answer.status == 200) {
            break;
        }
        served.push(client);
    }
    Ok(served)
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_to_come_back() -> anyhow::Result<()> {
    let upstream = upstream().await?;
    let gateway = gateway().set("WEIR_WORKERS", "1").set("WEIR_MAX_CONNECTIONS", "8").start().await?;
    serve(&gateway, "echo", &upstream.url()).await?;
    // Connections of the checks before may be a moment in closing.
    let mut served = Vec::new();
    for _ in 0..500 {
        served = fill(&gateway).await?;
        if served.len() == 8 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(served.len(), 8);
    let mut told = 0;
    for number in 0..100 {
        // A client that is too slow to ask is closed without a word.
        let Ok(answer) = gateway.get("/echo", &[]).await else { continue };
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"), "{number}");
        assert_eq!(answer.header("connection"), "close");
        told += 1;
    }
    assert!(told > 50, "{told} of 100 were told");
    assert!(shed(&gateway, "connections").await? >= 100);
    assert_eq!(gateway.admin(Method::GET, "/status", &Value::Null).await?.status, 200, "the Admin API");
    for client in &mut served {
        assert_eq!(client.get("/echo", &[]).await?.status, 200, "whoever is in is served");
    }
    served.clear();
    gateway.wait_for("room again", PATIENCE, "/echo", |answer| answer.status == 200).await?;
    Ok(())
}

#[tokio::test]
async fn requests_are_turned_away_while_memory_is_short() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_MAX_MEMORY", "1m").start().await?;
    let short = |answer: &gateway_tests::Answer| answer.status == 503;
    gateway.wait_for("the memory is looked at", PATIENCE, "/", short).await?;
    let answer = gateway.get("/", &[("accept", "application/json")]).await?;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    assert_eq!(answer.json()["message"], "Too many requests for now");
    assert!(shed(&gateway, "memory").await? >= 2);
    assert_eq!(gateway.admin(Method::GET, "/services", &Value::Null).await?.status, 200, "the Admin API");
    Ok(())
}

#[tokio::test]
async fn a_body_that_drips_is_broken_off_and_a_slow_one_is_not() -> anyhow::Result<()> {
    let upstream = upstream().await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "echo", &upstream.url()).await?;
    let dripping = drip(&gateway, 1);
    let slow = drip(&gateway, 600);
    let (dripping, slow) = tokio::join!(dripping, slow);
    let dripping = dripping?.expect("broken off");
    assert!(dripping > Duration::from_secs(25), "{dripping:?}");
    assert_eq!(slow?, None, "more than the lowest rate");
    Ok(())
}

/// Sends `bytes` of a body each second, for forty seconds; gives after what time it was broken off.
async fn drip(gateway: &Gateway, bytes: usize) -> anyhow::Result<Option<Duration>> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n").await?;
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut answer = [0; 64];
    while began.elapsed() < Duration::from_secs(40) {
        tokio::select! {
            _ = stream.read(&mut answer) => return Ok(Some(began.elapsed())),
            _ = ticks.tick() => { _ = stream.write_all(&vec![b'x'; bytes]).await; }
        }
    }
    Ok(None)
}
