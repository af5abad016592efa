//! A body of a gibibyte through a plugin that sees each chunk of it: the gateway's memory stays flat.

use std::time::Duration;

use anyhow::Context;
use gateway_tests::{Client, Gateway, eventually, request};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{PATIENCE, assign, component, gateway, serve};

const GIBIBYTE: usize = 1 << 30;

/// What the gateway may take more than before, in KiB: buffers of both sides and one instance.
const MORE_KIB: u64 = 24 << 10;

const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The most memory that the gateway has ever had, in KiB.
fn peak_kib(gateway: &Gateway) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// An upstream that reads chunked bodies, and answers with about as many bytes.
async fn echo_length() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { answer(stream).await.ok() });
        }
    });
    Ok(url)
}

async fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut seen = Vec::with_capacity(64 << 10);
    let end = loop {
        anyhow::ensure!(stream.read_buf(&mut seen).await? > 0, "closed");
        if let Some(end) = seen.windows(4).position(|end| end == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let framed = seen.get(..end).is_some_and(|head| head.windows(8).any(|word| word == b"chunked\r"));
    seen.drain(..end);
    if !framed {
        // The plugin is not live yet.
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await?;
        return Ok(());
    }
    let mut read = 0;
    // The last chunk may come in pieces: what it would begin with stays until the next read.
    while !seen.ends_with(LAST_CHUNK) {
        let known = seen.len().min(LAST_CHUNK.len());
        read += seen.len() - known;
        seen.drain(..seen.len() - known);
        anyhow::ensure!(stream.read_buf(&mut seen).await? > 0, "closed");
    }
    read += seen.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {read}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let block = vec![b'y'; 64 << 10];
    while read > 0 {
        let length = read.min(block.len());
        stream.write_all(&block[..length]).await?;
        read -= length;
    }
    Ok(())
}

/// Sends so many bytes and reads the answer to its end; gives its length.
async fn send(gateway: &Gateway, bytes: usize) -> anyhow::Result<usize> {
    let stream = TcpStream::connect(gateway.proxy).await?;
    let (mut read, mut write) = stream.into_split();
    let sending = tokio::spawn(async move {
        let head = format!(
            "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n"
        );
        write.write_all(head.as_bytes()).await?;
        let block = vec![b'x'; 64 << 10];
        let mut left = bytes;
        while left > 0 {
            let length = left.min(block.len());
            write.write_all(&block[..length]).await?;
            left -= length;
        }
        anyhow::Ok(write)
    });
    let (mut total, mut block) = (0, vec![0; 256 << 10]);
    loop {
        match tokio::time::timeout(Duration::from_secs(60), read.read(&mut block)).await?? {
            0 => break,
            length => total += length,
        }
    }
    sending.await??;
    Ok(total)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_by_chunk_leaves_memory_flat() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let uploaded = gateway.upload(component("example-plugins/rust/chunk-count")?).await?;
    assert!(uploaded.status.is_success(), "{}", uploaded.text());
    serve(&gateway, "count", &echo_length().await?).await?;
    assign(&gateway, "count", &json!({ "name": "chunk-count", "config": { "summary": true } })).await?;
    let live = || async {
        let Ok(sent) = request(Method::POST, "/count", &[], "hi") else { return false };
        let Ok(mut client) = Client::connect(gateway.proxy).await else { return false };
        client.send(sent).await.is_ok_and(|answer| answer.text().ends_with("bytes\n"))
    };
    eventually("the plugin is live", PATIENCE, live).await?;
    send(&gateway, 4 << 20).await?;
    let before = peak_kib(&gateway)?;
    let began = std::time::Instant::now();
    let got = send(&gateway, GIBIBYTE).await?;
    let (took, after) = (began.elapsed(), peak_kib(&gateway)?);
    println!(
        "a gibibyte each way by chunk took {took:?}; the peak of memory went from {before} to {after} KiB"
    );
    assert!(got > GIBIBYTE, "both ways: {got}");
    assert!(after < before + MORE_KIB, "from {before} to {after} KiB");
    Ok(())
}
