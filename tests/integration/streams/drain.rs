//! The end of a process, and the next one in its place.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::backend::{Backend, Datagrams};
use super::{at, heard, lines, listening, live, stream};
use crate::setup::{PATIENCE, gateway};

#[tokio::test]
async fn streams_under_way_are_finished_and_new_ones_are_refused() -> anyhow::Result<()> {
    let (builder, places) = listening(&["", "udp"])?;
    let mut gateway = builder.set("WEIR_GRACE_PERIOD", "3").start().await?;
    let (backend, datagrams) = (Backend::start("a").await?, Datagrams::start("d").await?);
    let to = |place: usize| json!([{ "port": places[place].port() }]);
    stream(&gateway, "s", &at(backend.address), &json!({ "protocols": ["tcp"], "destinations": to(0) }))
        .await?;
    let mut service = at(datagrams.address);
    service["protocol"] = json!("udp");
    stream(&gateway, "d", &service, &json!({ "protocols": ["udp"], "destinations": to(1) })).await?;
    live(places[0], b"", "a:.").await?;
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(places[1]).await?;
    socket.send(b"x").await?;
    let (mut finishing, mut staying) =
        (TcpStream::connect(places[0]).await?, TcpStream::connect(places[0]).await?);
    let mut block = [0; 2];
    finishing.read_exact(&mut block).await?;
    staying.read_exact(&mut block).await?;
    gateway.signal("TERM")?;
    gateway_tests::eventually("nobody listens any more", PATIENCE, || async {
        TcpStream::connect(places[0]).await.is_err()
    })
    .await?;
    finishing.write_all(b"done").await?;
    finishing.shutdown().await?;
    assert_eq!(heard(finishing).await?, "done.");
    let status = gateway.ended(Duration::from_secs(30)).await?;
    assert!(status.success(), "{status}");
    assert_eq!(heard(staying).await?, "", "the grace period is over");
    let bytes: Vec<_> = lines(&gateway).iter().map(|line| line["bytes_in"].clone()).collect();
    assert!(bytes.contains(&json!(4)), "{bytes:?}");
    Ok(())
}

#[tokio::test]
async fn the_next_process_takes_the_sockets_of_streams_over() -> anyhow::Result<()> {
    let (builder, places) = listening(&["", "udp"])?;
    let mut old = builder.start().await?;
    let (backend, datagrams) = (Backend::start("a").await?, Datagrams::start("d").await?);
    let to = |place: usize| json!([{ "port": places[place].port() }]);
    stream(&old, "s", &at(backend.address), &json!({ "protocols": ["tcp"], "destinations": to(0) })).await?;
    let mut service = at(datagrams.address);
    service["protocol"] = json!("udp");
    stream(&old, "d", &service, &json!({ "protocols": ["udp"], "destinations": to(1) })).await?;
    live(places[0], b"", "a:.").await?;
    let mut under_way = TcpStream::connect(places[0]).await?;
    let mut block = [0; 2];
    under_way.read_exact(&mut block).await?;
    let listeners = format!("{} , {} udp", places[0], places[1]);
    let new = gateway().after(&old).set("WEIR_STREAM_LISTEN", listeners).start().await?;
    // The old one drains with what it has.
    under_way.write_all(b"still").await?;
    under_way.shutdown().await?;
    assert_eq!(heard(under_way).await?, "still.");
    assert!(old.ended(Duration::from_secs(60)).await?.success());
    assert_eq!(super::say(places[0], b"x").await?, "a:x.", "the new one serves");
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(places[1]).await?;
    gateway_tests::eventually("datagrams are answered", PATIENCE, || async {
        _ = socket.send(b"x").await;
        let mut block = [0; 8];
        tokio::time::timeout(Duration::from_millis(300), socket.recv(&mut block)).await.is_ok()
    })
    .await?;
    drop(new);
    Ok(())
}
