//! `request-size-limiting`, with lengths that are named and with bodies that are not.

use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{Client, Gateway, Upstream, eventually, request};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, assign, gateway, serve};

/// Sends raw bytes on a connection of its own and reads to its end.
async fn raw(gateway: &Gateway, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    // A refusal may come while more is sent.
    _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A body in chunks of at most 64 KiB.
fn chunked(path: &str, size: usize) -> Vec<u8> {
    let mut bytes =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for chunk in vec![b'x'; size].chunks(64 << 10) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// Routes `/small` for ten bytes, which have to be announced somehow, and `/large` for two megabytes.
async fn site(gateway: &Gateway, upstream: &Upstream) -> anyhow::Result<()> {
    let small = json!({ "allowed_payload_size": 10, "size_unit": "bytes", "require_content_length": true });
    for (route, config) in [("small", small), ("large", json!({ "allowed_payload_size": 2 }))] {
        serve(gateway, route, &upstream.url()).await?;
        assign(gateway, route, &json!({ "name": "request-size-limiting", "config": config })).await?;
        let path = format!("/{route}");
        let live = || async {
            let too_long = request(Method::POST, &path, &[], vec![b'x'; (2 << 20) + 1]);
            match (too_long, Client::connect(gateway.proxy).await) {
                (Ok(sent), Ok(mut client)) => {
                    client.send(sent).await.is_ok_and(|answer| answer.status == 413)
                }
                (Err(_), _) | (_, Err(_)) => false,
            }
        };
        eventually("the plugin is live", PATIENCE, live).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_named_length_is_compared() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().start().await?;
    site(&gateway, &upstream).await?;
    for (case, headers, size, status) in [
        ("as long as allowed", vec![], 10, 200),
        ("a byte longer", vec![], 11, 413),
        ("a byte longer, asked first", vec![("expect", "100-continue")], 11, 417),
    ] {
        let sent = request(Method::POST, "/small", &headers, Bytes::from(vec![b'x'; size]))?;
        let answer = Client::connect(gateway.proxy).await?.send(sent).await?;
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        if status != 200 {
            assert_eq!(answer.json()["message"], json!("Request size limit exceeded"), "{case}");
        }
    }
    let none = gateway.get("/small", &[]).await?;
    assert_eq!(none.status, 411, "{}", none.text());
    assert_eq!(none.json()["message"], json!("A valid Content-Length header is required"));
    assert_eq!(gateway.get("/large", &[]).await?.status, 200, "a length is not required there");
    Ok(())
}

#[tokio::test]
async fn a_body_without_a_length_is_held_or_broken_off() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().start().await?;
    site(&gateway, &upstream).await?;
    for (case, path, size, status) in [
        ("held", "/small", 10, "200"),
        ("held and too long", "/small", 11, "413"),
        ("counted", "/large", 2 << 20, "200"),
        // The contract has no other status for a body that is broken off.
        ("counted and too long", "/large", (2 << 20) + 1, "400"),
    ] {
        let before = upstream.seen().len();
        let answer = raw(&gateway, &chunked(path, size)).await?;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {answer}");
        assert_eq!(answer.contains("Request size limit exceeded"), status == "413", "{case}: {answer}");
        if status == "413" {
            assert_eq!(upstream.seen().len(), before, "{case}: the upstream sees nothing of it");
        }
        if status == "200" {
            assert_eq!(upstream.seen().pop().expect("a request").body.len(), size, "{case}");
        }
    }
    Ok(())
}
