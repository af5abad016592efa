//! WebSocket and its like: bytes both ways once the upstream has agreed, and never otherwise.

use std::time::Duration;

use gateway_tests::Gateway;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{gateway, serve};

const ASK: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n";

/// An upstream that answers each connection so, and then echoes.
async fn echo(answer: &'static str) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_and_echo(stream, answer));
        }
    });
    Ok(url)
}

async fn answer_and_echo(mut stream: TcpStream, answer: &str) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let asked = String::from_utf8_lossy(&head).to_ascii_lowercase();
    if !asked.contains("upgrade: websocket") {
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain").await;
        return;
    }
    _ = stream.write_all(answer.as_bytes()).await;
    let (mut read, mut write) = stream.split();
    _ = tokio::io::copy(&mut read, &mut write).await;
}

async fn open(
    gateway: &Gateway,
    path: &str,
    headers: &str,
    early: &str,
) -> anyhow::Result<(TcpStream, String)> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    let sent = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n{early}");
    stream.write_all(sent.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_buf(&mut head)).await??;
        anyhow::ensure!(read > 0, "closed: {}", String::from_utf8_lossy(&head));
    }
    Ok((stream, String::from_utf8_lossy(&head).into_owned()))
}

const AGREED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello";

#[tokio::test]
async fn bytes_go_both_ways_and_a_drain_waits_for_them() -> anyhow::Result<()> {
    let url = echo(AGREED).await?;
    let mut gateway = gateway().start().await?;
    serve(&gateway, "ws", &url).await?;
    let (mut stream, mut got) = open(&gateway, "/ws", ASK, "early").await?;
    assert!(got.starts_with("HTTP/1.1 101 "), "{got}");
    assert!(got.to_ascii_lowercase().contains("upgrade: websocket"), "{got}");
    let mut rest = Vec::new();
    while !got.ends_with("helloearly") {
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_buf(&mut rest)).await??;
        anyhow::ensure!(read > 0, "closed after {got}");
        got.push_str(&String::from_utf8_lossy(&rest));
        rest.clear();
    }
    gateway.signal("TERM")?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stream.write_all(&vec![b'x'; 200_000]).await?;
    let mut echoed = vec![0; 200_000];
    tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut echoed)).await??;
    drop(stream);
    let ended = gateway.ended(Duration::from_secs(10)).await?;
    assert!(ended.success(), "{ended}: it ends once the tunnel has");
    let access = std::fs::read_to_string(gateway.prefix().join("logs/access.log"))?;
    let line = access.lines().find(|line| line.contains(r#""status":101"#)).unwrap_or_default().to_owned();
    assert!(line.contains("20001"), "the tunnel's bytes are in its line: {line}");
    Ok(())
}

#[tokio::test]
async fn silence_ends_a_tunnel() -> anyhow::Result<()> {
    let url = echo(AGREED).await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "ws", &url).await?;
    gateway.apply(http::Method::PATCH, "/services/ws", &json!({ "read_timeout": 300 })).await?;
    let began = std::time::Instant::now();
    loop {
        let (mut stream, got) = open(&gateway, "/ws", ASK, "").await?;
        assert!(got.starts_with("HTTP/1.1 101 "), "{got}");
        let mut rest = Vec::new();
        // Until the change of the timeout is live, the tunnel stays open longer than this waits.
        let closed = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut rest)).await;
        if closed.is_ok() {
            return Ok(());
        }
        assert!(began.elapsed() < Duration::from_secs(20), "an idle tunnel stays open");
    }
}

#[tokio::test]
async fn only_what_was_asked_for_is_passed_on_and_only_a_real_agreement_counts() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let agreed = echo(AGREED).await?;
    let other =
        echo("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n").await?;
    let refused = echo("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await?;
    for (name, url) in [("agreed", &agreed), ("other", &other), ("refused", &refused)] {
        serve(&gateway, name, url).await?;
    }
    let two = "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n";
    let with_body = format!("{ASK}Content-Length: 2\r\n");
    for (case, path, headers, early, status) in [
        (
            "HTTP/2",
            "/agreed",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n",
            "",
            200,
        ),
        ("two protocols", "/agreed", two, "", 200),
        ("not named by Connection", "/agreed", "Upgrade: websocket\r\n", "", 200),
        ("with a body", "/agreed", &with_body, "hi", 200),
        ("another protocol than asked for", "/other", ASK, "", 502),
        ("refused", "/refused", ASK, "", 403),
    ] {
        let (_, got) = open(&gateway, path, headers, early).await?;
        assert!(got.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {got}");
    }
    // What follows a refused request is a request of its own, and is checked as one.
    let (mut stream, mut got) =
        open(&gateway, "/refused", ASK, "GET /agreed HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let mut rest = Vec::new();
    while !got.contains("plain") {
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_buf(&mut rest)).await??;
        anyhow::ensure!(read > 0, "closed after {got}");
        got.push_str(&String::from_utf8_lossy(&rest));
        rest.clear();
    }
    assert!(got.starts_with("HTTP/1.1 403 ") && got.contains("HTTP/1.1 200 "), "{got}");
    Ok(())
}
