//! Connections that say nothing for a while, and then go on: what the gateway has put away is there again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use gateway_tests::{Upstream, eventually};
use http::Method;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, gateway, serve};
use crate::tls::{handshake, usual};

/// Longer than it takes until a connection is quiet.
const SILENCE: Duration = Duration::from_millis(1400);

const GET: &str = "GET /a HTTP/1.1\r\nhost: a\r\n\r\n";

/// Reads `count` answers, each of which has the body `ok`, and nothing else.
async fn answers<S: AsyncRead + Unpin>(stream: &mut S, count: usize) -> anyhow::Result<String> {
    let mut all = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&all);
        if text.matches("\r\n\r\nok").count() == count {
            ensure!(text.ends_with("\r\n\r\nok"), "{text}");
            ensure!(text.matches("HTTP/1.1 200 OK").count() == count, "{text}");
            return Ok(text.into_owned());
        }
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut all)).await??;
        ensure!(read > 0, "it ends: {}", String::from_utf8_lossy(&all));
    }
}

/// Silent before, between and within requests.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> anyhow::Result<()> {
    let post = "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc";
    // The last begins a request in the bytes of the one before.
    let ahead = [GET, &GET[..7]].concat();
    for parts in [
        [GET, ""],
        [&GET.repeat(3), ""],
        [&GET[..7], &GET[7..]],
        [post, "def"],
        [GET, GET],
        [&ahead, &GET[7..]],
    ] {
        let whole = parts.concat();
        let count = whole.matches("HTTP/1.1").count();
        for part in parts {
            tokio::time::sleep(SILENCE).await;
            stream.write_all(part.as_bytes()).await?;
        }
        let answered = answers(&mut stream, count).await;
        answered.map_err(|error| error.context(whole))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_silent_connection_goes_on_as_if_it_had_not_been() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let first = gateway().beside("http2 ssl").start().await?;
    let second = gateway().listening("http2").start().await?;
    for gateway in [&first, &second] {
        serve(gateway, "a", &upstream.url()).await?;
    }
    let secret = handshake(TcpStream::connect(first.beside).await?, "a", &usual(&["http/1.1"])?).await?;
    let (plain, either) = (TcpStream::connect(first.proxy).await?, TcpStream::connect(second.proxy).await?);
    let (one, two, three) = tokio::join!(talk(plain), talk(either), talk(secret));
    one.map_err(|error| error.context("HTTP/1.1"))?;
    two.map_err(|error| error.context("beside HTTP/2"))?;
    three.map_err(|error| error.context("over TLS"))?;
    let posts = upstream.seen().into_iter().filter(|seen| seen.method == Method::POST);
    assert_eq!(posts.map(|seen| seen.body).collect::<Vec<_>>(), ["abcdef"; 3]);
    Ok(())
}

#[tokio::test]
async fn a_silent_connection_is_told_of_a_drain_and_ends_in_its_time() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let mut gateway = gateway().set("WEIR_CLIENT_KEEPALIVE_TIMEOUT", "3").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let mut silent = TcpStream::connect(gateway.proxy).await?;
    silent.write_all(GET.as_bytes()).await?;
    answers(&mut silent, 1).await?;
    let began = Instant::now();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest)).await??;
    assert!(began.elapsed() > Duration::from_secs(2) && rest.is_empty(), "{:?}", began.elapsed());
    let mut awake = TcpStream::connect(gateway.proxy).await?;
    awake.write_all(GET.as_bytes()).await?;
    answers(&mut awake, 1).await?;
    tokio::time::sleep(SILENCE).await;
    gateway.signal("TERM")?;
    let drains = || async { TcpStream::connect(gateway.proxy).await.is_err() };
    eventually("the drain has begun", PATIENCE, drains).await?;
    awake.write_all(GET.as_bytes()).await?;
    let last = answers(&mut awake, 1).await?;
    assert!(last.contains("connection: close"), "{last}");
    assert!(gateway.ended(PATIENCE).await?.success());
    Ok(())
}

#[tokio::test]
async fn an_idle_connection_that_a_client_gives_up_leaves_nothing_behind() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_MAX_CONNECTIONS", "4").set("WEIR_WORKERS", "1").start().await?;
    let upstream = Upstream::saying("ok").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    for _ in 0..3 {
        let open = [TcpStream::connect(gateway.proxy).await?, TcpStream::connect(gateway.proxy).await?];
        tokio::time::sleep(SILENCE).await;
        drop(open);
    }
    let four = || async { all_at_once(gateway.proxy, 4).await.is_ok() };
    gateway_tests::eventually("there is room for all", PATIENCE, four).await?;
    Ok(())
}

/// Asks on so many connections, all of which stay open until the last is answered.
async fn all_at_once(proxy: SocketAddr, count: usize) -> anyhow::Result<()> {
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(proxy).await?;
        stream.write_all(GET.as_bytes()).await?;
        answers(&mut stream, 1).await?;
        open.push(stream);
    }
    Ok(())
}
