//! Messages that could be read in two ways, upstreams that break off, clients that dawdle.

use std::time::Duration;

use gateway_tests::{Gateway, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{gateway, serve};

/// Sends raw bytes, and reads until the gateway closes or pauses.
async fn raw(gateway: &Gateway, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_reach_no_upstream() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let before = upstream.seen().len();
    for (case, message) in [
        (
            "both framings",
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("length twice", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
        (
            "differing lengths",
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        ),
        ("bare line feed", "GET /a HTTP/1.1\nHost: a\n\n"),
        ("bare carriage return", "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n"),
        ("two hosts", "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("no host", "GET /a HTTP/1.1\r\n\r\n"),
        ("no version", "GET /a\r\n\r\n"),
        ("space before the colon", "GET /a HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("folded header", "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"),
        ("a list of hosts", "GET /a HTTP/1.1\r\nHost: a,b\r\n\r\n"),
        ("a field like Content-Length", "POST /a HTTP/1.1\r\nHost: a\r\nContent_Length: 2\r\n\r\nhi"),
        ("chunked in HTTP/1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (
            "broken chunk at once",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n",
        ),
        ("fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("beyond ASCII", "GET /a\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("escaped slashes around dots", "GET /a/x%2f..%2f.. HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("dots with parameters", "GET /a/..;/b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("not HTTP", "\u{16}\u{3}\u{1}\0\r\n\r\n"),
    ] {
        let answer = raw(&gateway, message.as_bytes()).await?;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{case}: {answer:?}");
    }
    let long = format!("GET /a?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000));
    assert!(raw(&gateway, long.as_bytes()).await?.starts_with("HTTP/1.1 414 "), "long target");
    let many = format!("GET /a HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(500));
    assert!(raw(&gateway, many.as_bytes()).await?.starts_with("HTTP/1.1 431 "), "many headers");
    assert_eq!(upstream.seen().len(), before, "none of them reached the upstream");
    assert_eq!(gateway.get("/a", &[]).await?.status, 200, "and others are served");
    Ok(())
}

#[tokio::test]
async fn an_upstream_that_breaks_off_or_lies_never_looks_like_success() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    for (name, answer, goodbye, whole) in [
        ("closed", "", Goodbye::Close, false),
        ("reset", "", Goodbye::Reset, false),
        ("short", half, Goodbye::Close, false),
        ("reset-in-body", half, Goodbye::Reset, false),
        (
            "chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
            Goodbye::Close,
            false,
        ),
        ("garbage", "\u{1}\u{2}\u{3} not HTTP\r\n\r\n", Goodbye::Close, false),
        ("good", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine", Goodbye::Close, true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(blurt(listener, answer, goodbye));
        serve(&gateway, name, &url).await?;
        let request = format!("GET /{name} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let got = raw(&gateway, request.as_bytes()).await?;
        let looks_whole =
            got.starts_with("HTTP/1.1 200") && (got.ends_with("fine") || got.ends_with("0\r\n\r\n"));
        assert_eq!(looks_whole, whole, "{name}: {got:?}");
        assert!(got.starts_with("HTTP/1.1 200") || got.starts_with("HTTP/1.1 502"), "{name}: {got:?}");
    }
    Ok(())
}

/// How an upstream leaves.
#[derive(Clone, Copy)]
enum Goodbye {
    Close,
    Reset,
}

/// Answers every connection with the same bytes, and leaves.
async fn blurt(listener: TcpListener, answer: &'static str, goodbye: Goodbye) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut head = [0; 4096];
        _ = stream.read(&mut head).await;
        _ = stream.write_all(answer.as_bytes()).await;
        if matches!(goodbye, Goodbye::Reset) {
            // What was written has to leave first: a reset throws away what has not.
            tokio::time::sleep(Duration::from_millis(50)).await;
            _ = stream.set_zero_linger();
        }
    }
}

/// Answers each GET, and reports what it has seen of anything else, with ` END` at its end.
async fn record(mut stream: TcpStream, report: tokio::sync::mpsc::UnboundedSender<String>) {
    let mut seen = Vec::new();
    while stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {
        if seen.starts_with(b"GET") && seen.ends_with(b"\r\n\r\n") {
            _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            seen.clear();
        }
        _ = report.send(String::from_utf8_lossy(&seen).into_owned());
    }
    _ = report.send(format!("{} END", String::from_utf8_lossy(&seen)));
}

#[tokio::test]
async fn a_body_that_breaks_under_way_never_looks_whole_to_the_upstream() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(record(stream, report.clone()));
        }
    });
    let gateway = gateway().start().await?;
    serve(&gateway, "b", &url).await?;
    let mut client = TcpStream::connect(gateway.proxy).await?;
    let begin = "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    client.write_all(begin.as_bytes()).await?;
    let mut seen = String::new();
    while !seen.contains("hello") {
        seen = reports.recv().await.unwrap_or_default();
    }
    // hyper alone would forgive the space and take the body for whole.
    client.write_all(b"0 \r\n\r\nGET /b/smuggled HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    // Connections that only waited for the route may end too.
    while !(seen.contains("hello") && seen.ends_with(" END")) {
        seen = reports.recv().await.unwrap_or_default();
    }
    assert!(!seen.contains("0\r\n\r\n") && !seen.contains("smuggled"), "{seen:?}");
    let mut rest = Vec::new();
    _ = tokio::time::timeout(Duration::from_secs(5), client.read_to_end(&mut rest)).await?;
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&rest));
    assert_eq!(gateway.get("/b", &[]).await?.status, 200, "others are served");
    Ok(())
}

/// Reads one request to the end of its head, or of its chunked body if it is a POST.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let whole = |seen: &[u8]| {
        seen.ends_with(b"\r\n\r\n")
            && (!seen.starts_with(b"POST") || seen.windows(3).any(|at| at == b"\r\n0"))
    };
    while !whole(&seen) && stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {}
    String::from_utf8_lossy(&seen).into_owned()
}

#[tokio::test]
async fn trailers_pass_both_ways() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            _ = report.send(read_request(&mut stream).await);
            let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n";
            _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let gateway = gateway().start().await?;
    serve(&gateway, "t", &url).await?;
    while reports.try_recv().is_ok() {}
    let request = "POST /t HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close, te\r\nTrailer: x-req\r\n\
                   Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-req: 1\r\n\r\n";
    let answer = raw(&gateway, request.as_bytes()).await?;
    assert!(answer.contains("x-sum: 7"), "{answer:?}");
    let seen = reports.recv().await.unwrap_or_default();
    assert!(seen.contains("x-req: 1"), "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_client_that_sends_its_head_too_slowly_is_cut_off_and_others_are_served() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().set("WEIR_CLIENT_HEADER_TIMEOUT", "1").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let mut slow = TcpStream::connect(gateway.proxy).await?;
    slow.write_all(b"GET /a HT").await?;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is closed");
    assert_eq!(gateway.get("/a", &[]).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_a_body_is_cut_off_and_others_are_served() -> anyhow::Result<()>
{
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().set("WEIR_CLIENT_BODY_TIMEOUT", "1").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    for (case, rest) in [("nothing", ""), ("a part", "half")] {
        let mut slow = TcpStream::connect(gateway.proxy).await?;
        slow.write_all(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n").await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        slow.write_all(rest.as_bytes()).await?;
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "{case}: the connection is closed");
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{case}: {:?}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(gateway.get("/a", &[]).await?.status, 200);
    Ok(())
}
