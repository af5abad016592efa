//! SIGTERM: what runs is finished, who could go on asking is told, nobody new is taken, and the process ends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use gateway_tests::{Client, Framer, Upstream, literals};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::sized;
use crate::setup::{gateway, serve};

/// GETs that are under way, and as many uploads.
const UNDER_WAY: usize = 32;

/// What each of them takes.
const SLOW: Duration = Duration::from_millis(1500);

/// For whatever has to happen: much more than is promised.
const PATIENT: Duration = Duration::from_secs(20);

/// An upload that takes most of the time that its answer takes.
async fn upload(address: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 1200\r\n\r\n").await?;
    for _ in 0..12 {
        tokio::time::sleep(SLOW / 15).await;
        stream.write_all(&[b'x'; 100]).await?;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"done") {
        ensure!(stream.read_buf(&mut answer).await? > 0, "{}", String::from_utf8_lossy(&answer));
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    Ok(())
}

async fn download(address: SocketAddr) -> anyhow::Result<()> {
    let answer = Client::connect(address).await?.get("/slow", &[]).await?;
    ensure!(answer.status == 200 && answer.text() == "done", "{}", answer.status);
    Ok(())
}

/// When a client that asks all the time on one connection is told that this answer is its last.
async fn told_to_close(address: SocketAddr) -> anyhow::Result<Instant> {
    let mut client = Client::connect(address).await?;
    loop {
        if client.get("/quick", &[]).await?.header("connection") == "close" {
            return Ok(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// When a client with a stream under way is told that there will be no other (GOAWAY).
async fn told_to_go_away(address: SocketAddr) -> anyhow::Result<Instant> {
    let mut framer = Framer::connect(address).await?;
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/slow"), (":authority", "a")];
    framer.frame(1, 5, 1, &literals(&fields)).await?;
    ensure!(framer.wait_for(PATIENT, |frame| frame.kind == 7).await.is_some(), "no GOAWAY");
    let told = Instant::now();
    let end = framer.wait_for(PATIENT, |frame| frame.stream == 1 && frame.flags & 1 == 1).await;
    ensure!(end.is_some(), "the stream has no end");
    Ok(told)
}

/// When nobody listens any more.
async fn closed(address: SocketAddr) -> Instant {
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_1_a_drain_loses_nothing_and_tells_everybody() -> anyhow::Result<()> {
    let done = |_: &gateway_tests::Seen| http::Response::new(Full::new(Bytes::from_static(b"done")));
    let (slow, quick) = (Upstream::taking(SLOW, done).await?, Upstream::start(done).await?);
    let mut gateway = gateway().beside("http2").start().await?;
    serve(&gateway, "quick", &quick.url()).await?;
    serve(&gateway, "slow", &slow.url()).await?;
    let (proxy, beside) = (gateway.proxy, gateway.beside);
    let asking = tokio::spawn(told_to_close(proxy));
    let streaming = tokio::spawn(told_to_go_away(beside));
    let downloads: Vec<_> = (0..UNDER_WAY).map(|_| tokio::spawn(download(proxy))).collect();
    let uploads: Vec<_> = (0..UNDER_WAY).map(|_| tokio::spawn(upload(proxy))).collect();
    tokio::time::sleep(SLOW / 3).await;
    let began = Instant::now();
    gateway.signal("TERM")?;
    let closed = tokio::time::timeout(PATIENT, closed(proxy)).await?.duration_since(began);
    let mut lost = Vec::new();
    for request in downloads.into_iter().chain(uploads) {
        lost.extend(request.await?.err().map(|error| format!("{error:#}")));
    }
    let answered = began.elapsed();
    let close = asking.await??.duration_since(began);
    let goaway = streaming.await??.duration_since(began);
    let status = gateway.ended(PATIENT).await?;
    let ended = began.elapsed();
    println!(
        "P1: {} requests and uploads under way, {} lost; Connection: close after {close:?}, GOAWAY after {goaway:?}, listeners \
         closed after {closed:?}, the last answer after {answered:?}, the process ended after {ended:?} ({status})",
        2 * UNDER_WAY,
        lost.len(),
    );
    assert!(lost.is_empty(), "{} lost, such as {:?}", lost.len(), lost.first());
    assert!(status.success(), "{status}");
    for (what, took) in [("Connection: close", close), ("GOAWAY", goaway), ("listeners", closed)] {
        assert!(took < Duration::from_secs(2), "{what}: {took:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_1_a_request_that_never_ends_is_cut_when_the_time_is_up() -> anyhow::Result<()> {
    // The default, or a shorter one.
    let grace = Duration::from_secs(sized(1, 30));
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let mut builder = gateway();
    if grace != Duration::from_secs(30) {
        builder = builder.set("WEIR_GRACE_PERIOD", grace.as_secs().to_string());
    }
    let mut gateway = builder.start().await?;
    let url = format!("http://{}", silent.local_addr()?);
    gateway.apply(http::Method::PUT, "/services/silent", &serde_json::json!({ "url": url })).await?;
    let route = serde_json::json!({ "paths": ["/silent"], "service": { "name": "silent" } });
    gateway.apply(http::Method::PUT, "/routes/silent", &route).await?;
    let proxy = gateway.proxy;
    let hung = tokio::spawn(async move {
        // Until the route is live.
        while Client::connect(proxy).await?.get("/silent", &[]).await?.status == 404 {}
        anyhow::Ok(())
    });
    let (_kept, _) = tokio::time::timeout(PATIENT, silent.accept()).await??;
    let began = Instant::now();
    gateway.signal("TERM")?;
    let status = gateway.ended(grace + PATIENT).await?;
    let ended = began.elapsed();
    println!(
        "P1: with a request that never ends and a drain time of {grace:?}: ended after {ended:?} ({status})"
    );
    assert!(status.success(), "{status}");
    assert!(hung.await?.is_err(), "it never had an answer");
    assert!(ended >= grace, "it had its time: {ended:?}");
    Ok(())
}
