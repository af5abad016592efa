//! Listeners behind a balancer that speaks the PROXY protocol: whom the gateway takes for the client.

use std::time::Duration;

use gateway_tests::{Gateway, GatewayBuilder, Http2Client, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{gateway, serve};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn behind(flags: &str) -> GatewayBuilder {
    gateway()
        .beside(flags)
        .set("WEIR_TRUSTED_IPS", "127.0.0.0/8")
        .set("WEIR_REAL_IP_HEADER", "proxy_protocol")
        .set("WEIR_CLIENT_HEADER_TIMEOUT", "2")
}

/// Sends a header and a request; what comes back until the connection ends.
async fn raw(gateway: &Gateway, header: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(gateway.beside).await?;
    let request = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Real-IP: 6.6.6.6\r\n\r\n";
    stream.write_all(&[header, request].concat()).await?;
    let mut answer = Vec::new();
    _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn seen(upstream: &Upstream) -> [String; 2] {
    let headers = upstream.seen().pop().map(|seen| seen.headers).unwrap_or_default();
    ["x-real-ip", "x-forwarded-for"]
        .map(|name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_balancers_word_is_taken_if_it_is_trusted() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let trusting = behind("proxy_protocol http2").start().await?;
    serve(&trusting, "a", &upstream.url()).await?;
    for (case, header, want) in
        [("version 1", V1, "192.0.2.7"), ("version 2", V2, "192.0.2.7"), ("local", LOCAL, "127.0.0.1")]
    {
        let answer = raw(&trusting, header).await?;
        assert!(answer.starts_with("HTTP/1.1 200"), "{case}: {answer}");
        assert_eq!(seen(&upstream), [want, want], "{case}");
    }
    let mut stream = TcpStream::connect(trusting.beside).await?;
    stream.write_all(V2).await?;
    let mut client = Http2Client::over(stream, "http://a").await?;
    assert_eq!(client.get("/a", &[]).await?.text(), "ok");
    assert_eq!(seen(&upstream), ["192.0.2.7", "192.0.2.7"], "over HTTP/2");
    for (case, name, value) in [
        ("not trusted", "WEIR_TRUSTED_IPS", "10.0.0.0/8"),
        ("another header counts", "WEIR_REAL_IP_HEADER", "X-Other"),
    ] {
        let gateway = behind("proxy_protocol").set(name, value).start().await?;
        serve(&gateway, "a", &upstream.url()).await?;
        assert!(raw(&gateway, V1).await?.starts_with("HTTP/1.1 200"), "{case}");
        assert_eq!(seen(&upstream), ["127.0.0.1", "127.0.0.1"], "{case}");
    }
    Ok(())
}

#[tokio::test]
async fn without_the_header_nothing_is_served() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = behind("proxy_protocol").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let before = upstream.seen().len();
    for (case, header) in [
        ("none", &b""[..]),
        ("half of one", b"PROXY TCP4 192.0.2.7"),
        ("a bad one", b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 99999\r\n"),
        ("a line without an end", &[b'P'; 200]),
    ] {
        assert_eq!(raw(&gateway, header).await?, "", "{case}");
    }
    let mut silent = TcpStream::connect(gateway.beside).await?;
    silent.write_all(b"PROXY TCP4 192.").await?;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), silent.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "it has its time");
    assert_eq!(upstream.seen().len(), before);
    assert_eq!(gateway.get("/a", &[]).await?.status, 200, "the other listener wants none");
    Ok(())
}

#[tokio::test]
async fn it_comes_before_tls() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = behind("proxy_protocol http2 ssl").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    for alpn in [&["h2"][..], &["http/1.1"]] {
        let mut tcp = TcpStream::connect(gateway.beside).await?;
        tcp.write_all(V1).await?;
        let mut stream = crate::tls::handshake(tcp, "a.b", &crate::tls::usual(alpn)?).await?;
        if alpn == ["h2"] {
            assert_eq!(Http2Client::over(stream, "https://a.b").await?.get("/a", &[]).await?.text(), "ok");
        } else {
            assert!(crate::tls::get(&mut stream, "/a", "a.b").await?.starts_with("HTTP/1.1 200"));
        }
        assert_eq!(seen(&upstream), ["192.0.2.7", "192.0.2.7"], "{alpn:?}");
    }
    Ok(())
}
