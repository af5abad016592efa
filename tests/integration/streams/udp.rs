//! Datagrams: one session for each client, other targets, and bounds.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use gateway_tests::{Client, free_port};
use http::Method;
use serde_json::json;
use tokio::net::UdpSocket;

use super::backend::Datagrams;
use super::{at, lines, listening, logged, stream};
use crate::setup::PATIENCE;

/// Sends a datagram and waits a little for the answer.
async fn ask(socket: &UdpSocket, bytes: &[u8]) -> Option<Vec<u8>> {
    socket.send(bytes).await.ok()?;
    let mut block = vec![0; 1 << 16];
    let length =
        tokio::time::timeout(Duration::from_millis(500), socket.recv(&mut block)).await.ok()?.ok()?;
    block.truncate(length);
    Some(block)
}

async fn client(gateway: SocketAddr) -> anyhow::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(gateway).await?;
    Ok(socket)
}

/// Waits until there is an answer.
async fn live(gateway: SocketAddr, want: &[u8]) -> anyhow::Result<()> {
    let holds = || async {
        let Ok(socket) = client(gateway).await else { return false };
        ask(&socket, b"x").await.as_deref() == Some(want)
    };
    gateway_tests::eventually("datagrams are answered", PATIENCE, holds).await.map(drop)
}

#[tokio::test]
async fn each_client_has_its_own_session_and_its_own_answers() -> anyhow::Result<()> {
    let (builder, places) = listening(&["udp", ""])?;
    let gateway = builder.start().await?;
    let backend = Datagrams::start("d").await?;
    let mut service = at(backend.address);
    service["protocol"] = json!("udp");
    service["read_timeout"] = json!(1000);
    let route = json!({ "protocols": ["udp"], "destinations": [{ "port": places[0].port() }] });
    stream(&gateway, "d", &service, &route).await?;
    live(places[0], b"d:x").await?;
    let clients = [client(places[0]).await?, client(places[0]).await?, client(places[0]).await?];
    for round in 0..5 {
        for (number, socket) in clients.iter().enumerate() {
            let bytes = format!("{number}-{round}");
            let answer = ask(socket, bytes.as_bytes()).await.context("an answer")?;
            assert_eq!(String::from_utf8(answer)?, format!("d:{bytes}"));
        }
    }
    for (case, bytes) in [("empty", Vec::new()), ("the longest", vec![b'l'; 65_507])] {
        let answer = ask(&clients[0], &bytes).await.context(case)?;
        assert!(answer.ends_with(&bytes) && answer.len() <= bytes.len() + 2, "{case}: {}", answer.len());
    }
    let line = logged(&gateway, "a session that is over", |line| line["bytes_in"] == 15).await?;
    for (field, want) in
        [("protocol", json!("udp")), ("status", json!(200)), ("bytes_out", json!(25)), ("route", json!("d"))]
    {
        assert_eq!(line[field], want, "{field}: {line}");
    }
    // A route of UDP takes no connection, and datagrams without a route go nowhere.
    assert_eq!(super::say(places[1], b"x").await?, "");
    gateway.apply(Method::DELETE, "/routes/d", &json!(null)).await?;
    gateway_tests::eventually("nobody answers", PATIENCE, || async {
        ask(&client(places[0]).await.expect("a socket"), b"x").await.is_none()
    })
    .await?;
    logged(&gateway, "no route", |line| line["status"] == 500 && line["protocol"] == "udp").await?;
    Ok(())
}

#[tokio::test]
async fn a_target_that_refuses_datagrams_is_left_out() -> anyhow::Result<()> {
    let (builder, places) = listening(&["udp"])?;
    let gateway = builder.set("WEIR_WORKERS", "1").start().await?;
    let (backend, gone) = (Datagrams::start("d").await?, free_port()?);
    let checks = json!({ "healthchecks": { "passive": { "unhealthy": { "tcp_failures": 1 } } } });
    gateway.apply(Method::PUT, "/upstreams/all", &checks).await?;
    for target in [backend.address, gone] {
        let target = json!({ "target": target.to_string() });
        gateway.apply(Method::POST, "/upstreams/all/targets", &target).await?;
    }
    let service = json!({ "protocol": "udp", "host": "all", "port": 1 });
    let route = json!({ "protocols": ["udp"], "destinations": [{ "port": places[0].port() }] });
    stream(&gateway, "d", &service, &route).await?;
    live(places[0], b"d:x").await?;
    // Sooner or later the other one has its turn, refuses, and is left out.
    gateway_tests::eventually("it is unhealthy", PATIENCE, || async {
        let socket = client(places[0]).await.expect("a socket");
        _ = ask(&socket, b"x").await;
        let health = gateway.apply(Method::GET, "/upstreams/all/health", &json!(null)).await;
        let health = health.unwrap_or_default();
        let mut all = health["data"].as_array().into_iter().flatten();
        all.any(|one| one["target"] == gone.to_string() && one["health"] == "UNHEALTHY")
    })
    .await?;
    for _ in 0..6 {
        let socket = client(places[0]).await?;
        assert_eq!(ask(&socket, b"y").await.as_deref(), Some(&b"d:y"[..]));
    }
    logged(&gateway, "one that was refused", |line| line["status"] == 502).await?;
    Ok(())
}

#[tokio::test]
async fn a_flood_of_clients_is_bounded_and_those_who_are_there_go_on() -> anyhow::Result<()> {
    let (builder, places) = listening(&["udp"])?;
    let builder = builder.set("WEIR_WORKERS", "1").set("WEIR_MAX_UDP_SESSIONS", "20");
    let gateway = builder.start().await?;
    let backend = Datagrams::start("d").await?;
    let mut service = at(backend.address);
    service["protocol"] = json!("udp");
    service["read_timeout"] = json!(3000);
    let route = json!({ "protocols": ["udp"], "destinations": [{ "port": places[0].port() }] });
    stream(&gateway, "d", &service, &route).await?;
    live(places[0], b"d:x").await?;
    let first = client(places[0]).await?;
    assert_eq!(ask(&first, b"a").await.as_deref(), Some(&b"d:a"[..]));
    let before = descriptors(gateway.pid());
    let mut flood = Vec::new();
    for _ in 0..200 {
        let socket = client(places[0]).await?;
        socket.send(b"flood").await?;
        flood.push(socket);
    }
    assert_eq!(ask(&first, b"b").await.as_deref(), Some(&b"d:b"[..]), "one who was there");
    let after = descriptors(gateway.pid());
    assert!(after <= before + 20, "{before} descriptors, then {after}");
    let mut status = Client::connect(gateway.status).await?;
    let metrics = status.get("/metrics", &[]).await?.text();
    let shed =
        metrics.lines().find_map(|line| line.strip_prefix("weir_shed_total{reason=\"udp_sessions\"} "));
    assert!(shed.and_then(|count| count.parse::<u64>().ok()).is_some_and(|count| count > 100), "{shed:?}");
    // When they are over, others have their turn.
    live(places[0], b"d:x").await?;
    assert!(lines(&gateway).len() <= 60, "no more than there were sessions");
    Ok(())
}

/// Waits until a datagram that says so has come to the target; gives whose socket sent it.
async fn comes(target: &UdpSocket, bytes: &[u8]) -> anyhow::Result<SocketAddr> {
    let mut block = [0; 64];
    loop {
        let (length, peer) = tokio::time::timeout(PATIENCE, target.recv_from(&mut block)).await??;
        if &block[..length] == bytes {
            return Ok(peer);
        }
    }
}

#[tokio::test]
async fn made_up_clients_give_way_to_new_ones_and_known_ones_stay() -> anyhow::Result<()> {
    let (builder, places) = listening(&["udp"])?;
    let builder = builder.set("WEIR_WORKERS", "1").set("WEIR_MAX_UDP_SESSIONS", "20");
    let gateway = builder.start().await?;
    let target = UdpSocket::bind("127.0.0.1:0").await?;
    let mut service = at(target.local_addr()?);
    service["protocol"] = json!("udp");
    // Longer than the test may take.
    service["read_timeout"] = json!(600_000);
    let route = json!({ "protocols": ["udp"], "destinations": [{ "port": places[0].port() }] });
    stream(&gateway, "d", &service, &route).await?;
    let known = client(places[0]).await?;
    let routed = async {
        loop {
            _ = known.send(b"known").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let session = tokio::select! {
        session = comes(&target, b"known") => session?,
        () = routed => unreachable!("it goes on for ever"),
    };
    known.send(b"known").await?;
    let mut flood = Vec::new();
    for _ in 0..100 {
        let socket = client(places[0]).await?;
        socket.send(b"flood").await?;
        flood.push(socket);
    }
    // All of them are new: whoever comes now may be as made up as they are.
    let new = client(places[0]).await?;
    let asking = async {
        loop {
            _ = new.send(b"new").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        came = comes(&target, b"new") => came.map(drop)?,
        () = asking => {}
    }
    known.send(b"still known").await?;
    assert_eq!(comes(&target, b"still known").await?, session, "the session that it had");
    Ok(())
}

/// Open files and sockets of a process.
fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}
