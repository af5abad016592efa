//! What streams may take: connections, time, memory.

use std::net::SocketAddr;
use std::time::Duration;

use gateway_tests::Client;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::backend::Backend;
use super::tcp::both_ends;
use super::{at, heard, listening, live, logged, stream};
use crate::setup::PATIENCE;

#[tokio::test]
async fn streams_count_as_connections_and_more_are_closed_without_a_word() -> anyhow::Result<()> {
    let (builder, places) = listening(&[""])?;
    let builder = builder.set("WEIR_WORKERS", "1").set("WEIR_MAX_CONNECTIONS", "3");
    let gateway = builder.start().await?;
    let backend = Backend::start("a").await?;
    let port = json!([{ "port": places[0].port() }]);
    stream(&gateway, "s", &at(backend.address), &json!({ "protocols": ["tcp"], "destinations": port }))
        .await?;
    live(places[0], b"", "a:.").await?;
    let mut open = Vec::new();
    let closed = loop {
        let mut client = TcpStream::connect(places[0]).await?;
        if client.read_exact(&mut [0; 2]).await.is_err() {
            break client;
        }
        open.push(client);
        anyhow::ensure!(open.len() < 10, "all of them are served");
    };
    assert!(open.len() <= 3, "{} are served", open.len());
    assert_eq!(heard(closed).await?, "");
    let metrics = Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
    assert!(!metrics.contains("weir_shed_total{reason=\"connections\"} 0"), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn both_ends_silent_for_too_long_are_parted() -> anyhow::Result<()> {
    let (builder, places) = listening(&[""])?;
    let gateway = builder.start().await?;
    let backend = Backend::start("a").await?;
    let mut service = at(backend.address);
    service["read_timeout"] = json!(400);
    let port = json!([{ "port": places[0].port() }]);
    stream(&gateway, "s", &service, &json!({ "protocols": ["tcp"], "destinations": port })).await?;
    live(places[0], b"", "a:.").await?;
    let mut client = TcpStream::connect(places[0]).await?;
    let mut block = [0; 2];
    client.read_exact(&mut block).await?;
    // As long as something passes, it goes on.
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        client.write_all(b"zz").await?;
        client.read_exact(&mut block).await?;
    }
    assert_eq!(heard(client).await?, "", "and then it does not");
    let line = logged(&gateway, "the silent one", |line| line["bytes_in"] == 12).await?;
    assert_eq!(line["status"], 200);
    Ok(())
}

#[tokio::test]
async fn a_side_that_takes_nothing_stops_the_other() -> anyhow::Result<()> {
    let (builder, places) = listening(&[""])?;
    let gateway = builder.start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = json!([{ "port": places[0].port() }]);
    let route = json!({ "protocols": ["tcp"], "destinations": port });
    stream(&gateway, "s", &at(listener.local_addr()?), &route).await?;
    let (mut client, _upstream) = both_ends(places[0], &listener).await?;
    let before = resident(gateway.pid());
    let block = vec![0; 1 << 20];
    let mut sent = 0;
    // 64 MB would go through if nobody stopped it.
    while sent < 64 << 20 {
        match tokio::time::timeout(Duration::from_millis(500), client.write(&block)).await {
            Ok(written) => sent += written?,
            Err(_) => break,
        }
    }
    assert!(sent < 48 << 20, "the kernel's buffers, and 16 KiB of ours: {sent}");
    let after = resident(gateway.pid());
    assert!(after < before + (8 << 20), "{before} bytes, then {after}");
    Ok(())
}

/// A place where connections are never made: its queue is full.
async fn full() -> anyhow::Result<(TcpListener, Vec<TcpStream>)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(1)?;
    let address = listener.local_addr()?;
    let mut waiting = Vec::new();
    while let Ok(made) = tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
        waiting.push(made?);
    }
    Ok((listener, waiting))
}

/// A client that has been there for a moment, and leaves by a reset, or when it is closed.
async fn leave(place: SocketAddr, resets: bool) -> anyhow::Result<()> {
    let mut client = TcpStream::connect(place).await?;
    client.write_all(b"anybody?").await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    if resets {
        return Ok(client.set_zero_linger()?);
    }
    client.shutdown().await?;
    heard(client).await.map(drop)
}

#[tokio::test]
async fn who_leaves_while_the_upstream_is_connected_to_is_not_kept() -> anyhow::Result<()> {
    let (builder, places) = listening(&["", ""])?;
    let gateway = builder.start().await?;
    let (nobody, _waiting) = full().await?;
    // The one resets, the other has no more to say.
    for (place, resets, connect_timeout) in [(places[0], true, 100_000), (places[1], false, 700)] {
        let mut service = at(nobody.local_addr()?);
        service["connect_timeout"] = json!(connect_timeout);
        service["retries"] = json!(1000);
        let name = format!("s{}", place.port());
        let port = json!([{ "port": place.port() }]);
        stream(&gateway, &name, &service, &json!({ "protocols": ["tcp"], "destinations": port })).await?;
        // Until there is a route they are closed with another error.
        let left = || async {
            _ = leave(place, resets).await;
            let error = "the client has left before the upstream was reached";
            super::lines(&gateway).iter().any(|line| line["route"] == name && line["error"] == error)
        };
        gateway_tests::eventually(&format!("it is let go: {resets}"), PATIENCE, left).await?;
    }
    Ok(())
}

/// Bytes of memory that a process has.
fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
