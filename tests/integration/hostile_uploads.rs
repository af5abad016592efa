//! Uploads that are sent as no client should: each costs its own connection, and the next one is served.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use gateway_tests::{Client, Gateway, request};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{gateway, header_edit};

/// What the Admin API may take for an honest upload beside hostile ones, compilation included.
const ANSWER: Duration = Duration::from_secs(30);
/// Memory that an upload may take: what it may be as long as, a few times over.
const GROWTH: usize = 160 << 20;

async fn raw(gateway: &Gateway, head: &str, body: &[u8]) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(gateway.admin).await?;
    let head = format!("POST /custom-plugins HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    Ok(stream)
}

async fn nothing_is_kept(gateway: &Gateway, case: &str) -> anyhow::Result<()> {
    let kept = gateway.apply(Method::GET, "/custom-plugins", &json!(null)).await?;
    assert_eq!(kept["data"], json!([]), "{case}: nothing is kept");
    Ok(())
}

#[tokio::test]
async fn an_upload_that_never_ends_keeps_no_other_waiting() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let component = header_edit("0.1.0")?;
    let head = format!("Content-Type: application/wasm\r\nContent-Length: {}", component.len());
    let mut slow = Vec::new();
    for _ in 0..64 {
        slow.push(raw(&gateway, &head, &component[..1000]).await?);
    }
    let begun = Instant::now();
    for byte in &component[1000..1010] {
        for stream in &mut slow {
            stream.write_all(&[*byte]).await?;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    nothing_is_kept(&gateway, "64 uploads under way").await?;
    let honest = gateway.upload(component.clone()).await?;
    assert_eq!(honest.status, 201, "{}", honest.text());
    assert!(begun.elapsed() < ANSWER, "{:?}", begun.elapsed());
    Ok(())
}

#[tokio::test]
async fn an_upload_is_as_long_as_it_says_or_none() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let component = header_edit("0.1.0")?;
    let wasm = "Content-Type: application/wasm\r\nConnection: close\r\n";
    let longer = format!("{wasm}Content-Length: {}", component.len() + 10);
    let mut stream = raw(&gateway, &longer, &component).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "cut off: {answer}");
    nothing_is_kept(&gateway, "cut off").await?;
    let shorter = format!("{wasm}Content-Length: {}", component.len() - 10);
    let mut answer = Vec::new();
    raw(&gateway, &shorter, &component).await?.read_to_end(&mut answer).await.or_else(|_| anyhow::Ok(0))?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400 "), "longer than it says: {answer}");
    nothing_is_kept(&gateway, "longer than it says").await?;
    for (case, twice) in [
        ("two lengths", format!("{wasm}Content-Length: 5\r\nContent-Length: {}", component.len())),
        ("a length and chunks", format!("{wasm}Content-Length: 5\r\nTransfer-Encoding: chunked")),
    ] {
        let mut answer = Vec::new();
        _ = raw(&gateway, &twice, b"5\r\nhello\r\n0\r\n\r\n").await?.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 4"), "{case}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{case}: no second request was seen: {answer}");
        nothing_is_kept(&gateway, case).await?;
    }
    Ok(())
}

#[tokio::test]
async fn two_components_in_one_upload_are_none() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let [one, two] = [header_edit("0.1.0")?, header_edit("0.2.0")?];
    let part = |name: &str, bytes: &[u8]| {
        let head =
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.wasm\"\r\n\r\n");
        [head.as_bytes(), bytes, b"\r\n"].concat()
    };
    let media = [("content-type", "multipart/form-data; boundary=b")];
    for (case, parts, status) in [
        ("two of one name", vec![part("component", &one), part("component", &two)], 400),
        ("the same twice", vec![part("component", &one), part("component", &one)], 400),
        ("a file beside it", vec![part("component", &one), part("other", &two)], 400),
        ("none", vec![part("tags", b"a")], 400),
        ("one", vec![part("component", &one)], 201),
    ] {
        let body = [parts.concat(), b"--b--\r\n".to_vec()].concat();
        let post = request(Method::POST, "/custom-plugins", &media, Bytes::from(body))?;
        let answer = Client::connect(gateway.admin).await?.send(post).await?;
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        if status == 400 {
            nothing_is_kept(&gateway, case).await?;
        }
    }
    Ok(())
}

/// Zeros, by the tool of the system.
fn zipped(mebibytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut gzip = Command::new("gzip")
        .arg("-1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("gzip")?;
    let mut input = gzip.stdin.take().context("its input")?;
    let feeding = std::thread::spawn(move || (0..mebibytes).try_for_each(|_| input.write_all(&[0; 1 << 20])));
    let output = gzip.wait_with_output()?.stdout;
    feeding.join().map_err(|_| anyhow::anyhow!("gzip took no more"))??;
    Ok(output)
}

#[tokio::test]
async fn what_is_compressed_is_not_unpacked() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let bomb = zipped(1024)?;
    assert!(bomb.len() < 8 << 20, "{} bytes", bomb.len());
    let before = resident(&gateway)?;
    let wasm = ("content-type", "application/wasm");
    for (case, headers) in [("bare", vec![wasm]), ("encoded", vec![wasm, ("content-encoding", "gzip")])] {
        let begun = Instant::now();
        let post = request(Method::POST, "/custom-plugins", &headers, bomb.clone())?;
        let answer = Client::connect(gateway.admin).await?.send(post).await?;
        assert!([400, 415].contains(&answer.status.as_u16()), "{case}: {}", answer.text());
        assert!(begun.elapsed() < ANSWER, "{case}: {:?}", begun.elapsed());
        nothing_is_kept(&gateway, case).await?;
    }
    let json = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let post = request(Method::POST, "/services", &json, bomb)?;
    let answer = Client::connect(gateway.admin).await?.send(post).await?;
    assert!([400, 413, 415].contains(&answer.status.as_u16()), "fields: {}", answer.text());
    let growth = resident(&gateway)?.saturating_sub(before);
    assert!(growth < GROWTH, "the process grew by {} MiB", growth >> 20);
    Ok(())
}

/// Memory of the gateway, in bytes.
fn resident(gateway: &Gateway) -> anyhow::Result<usize> {
    let statm = std::fs::read_to_string(format!("/proc/{}/statm", gateway.pid()))?;
    let pages: usize = statm.split(' ').nth(1).context("statm has fields")?.parse()?;
    Ok(pages * 4096)
}
