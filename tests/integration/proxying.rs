//! What a proxy must get right for every request: headers, bodies, errors, timeouts.

use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{Client, Gateway, Upstream, request};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, gateway, serve};

fn body(text: &'static str) -> Full<Bytes> {
    Full::new(Bytes::from_static(text.as_bytes()))
}

#[tokio::test]
async fn forwards_with_kongs_headers() -> anyhow::Result<()> {
    let upstream = Upstream::start(|_| {
        let response =
            Response::builder().header("server", "own/1").header("connection", "x-hop").header("x-hop", "1");
        let response = response.header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        response.body(body("hello")).expect("valid")
    })
    .await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "echo", &upstream.url()).await?;
    let headers = [
        ("host", "Api.Example.com:8000"),
        ("connection", "x-drop, keep-alive"),
        ("x-drop", "1"),
        ("x-keep", "1"),
        ("te", "trailers, gzip"),
        ("x-forwarded-for", "10.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("proxy", "evil"),
    ];
    let answer = gateway.get("/echo/a%20b?x=1&y", &headers).await?;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "hello"));
    assert_eq!(answer.header("server"), "own/1");
    assert_eq!(answer.header("via"), "1.1 kong/3.9.3");
    assert_eq!(answer.header("date"), "Sun, 06 Nov 1994 08:49:37 GMT", "the upstream's own");
    assert_eq!(answer.header("x-hop"), "", "named by Connection");
    for name in ["x-kong-upstream-latency", "x-kong-proxy-latency", "x-kong-request-id"] {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
    let seen = upstream.seen().pop().expect("one request");
    let header = |name: &str| {
        seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    assert_eq!(seen.target, "/a%20b?x=1&y");
    assert_eq!(header("host"), upstream.address().to_string());
    assert_eq!(header("x-forwarded-for"), "10.1.1.1, 127.0.0.1");
    assert_eq!(header("x-real-ip"), "127.0.0.1");
    assert_eq!(header("x-forwarded-proto"), "http", "the peer is not trusted");
    assert_eq!(header("x-forwarded-host"), "api.example.com");
    assert_eq!(header("x-forwarded-port"), gateway.proxy.port().to_string());
    assert_eq!(header("x-forwarded-path"), "/echo/a%20b");
    assert_eq!(header("x-forwarded-prefix"), "/echo");
    assert_eq!(header("via"), "1.1 kong/3.9.3");
    assert_eq!(header("te"), "trailers");
    assert_eq!(header("x-keep"), "1");
    assert_eq!(header("x-kong-request-id"), answer.header("x-kong-request-id"));
    for gone in ["x-drop", "proxy"] {
        assert_eq!(header(gone), "", "{gone}");
    }
    Ok(())
}

#[tokio::test]
async fn bodies_pass_both_ways_with_any_framing() -> anyhow::Result<()> {
    let upstream = Upstream::start(|seen| Response::new(Full::new(seen.body.clone()))).await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "echo", &upstream.url()).await?;
    let mut client = Client::connect(gateway.proxy).await?;
    for size in [0, 1, 4096, 1 << 20, 8 << 20] {
        let sent = Bytes::from(vec![b'x'; size]);
        let answer =
            client.send(request(Method::POST, "/echo", &[("expect", "100-continue")], sent.clone())?).await?;
        assert_eq!(answer.status, 200, "{size} bytes");
        assert!(answer.body == sent, "{size} bytes come back as {}", answer.body.len());
    }
    let head = client.send(request(Method::HEAD, "/echo", &[], Bytes::new())?).await?;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(client.get("/echo", &[]).await?.status, 200, "the connection is still in step after HEAD");
    Ok(())
}

#[tokio::test]
async fn errors_have_kongs_bodies() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let refused = gateway_tests::free_port()?;
    serve(&gateway, "refused", &format!("http://{refused}")).await?;
    serve(&gateway, "unknown", "http://no-such-host.invalid").await?;
    gateway.apply(Method::PUT, "/routes/empty", &json!({ "paths": ["/empty"] })).await?;
    gateway.wait_for("the route is live", PATIENCE, "/empty", |answer| answer.status == 503).await?;
    for (path, status, message) in [
        ("/nowhere", 404, "no Route matched with those values"),
        ("/refused", 502, "An invalid response was received from the upstream server"),
        ("/unknown", 503, "name resolution failed"),
        ("/empty", 503, "no Service found with those values"),
    ] {
        let answer = gateway.get(path, &[("accept", "application/json")]).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["message"].as_str()),
            (status, Some(message)),
            "{path}"
        );
        assert_eq!(answer.json()["request_id"], answer.header("x-kong-request-id"), "{path}");
        assert_eq!(answer.header("server"), "kong/3.9.3", "{path}");
        assert!(answer.header("date").ends_with(" GMT"), "{path}: {:?}", answer.header("date"));
        let html = gateway.get(path, &[("accept", "text/html")]).await?;
        assert!(html.text().contains(&format!("<p>{message}.</p>")), "{path}: {}", html.text());
    }
    Ok(())
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_a_504_within_its_read_timeout() -> anyhow::Result<()> {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let gateway = gateway().start().await?;
    let service = json!({ "url": format!("http://{}", silent.local_addr()?), "read_timeout": 300 });
    gateway.apply(Method::PUT, "/services/silent", &service).await?;
    let route = json!({ "paths": ["/silent"], "service": { "name": "silent" } });
    gateway.apply(Method::PUT, "/routes/silent", &route).await?;
    gateway.wait_for("the route is live", PATIENCE, "/silent", |answer| answer.status == 504).await?;
    let began = std::time::Instant::now();
    let answer = gateway.get("/silent", &[]).await?;
    assert_eq!(answer.status, 504);
    assert!(answer.text().starts_with("The upstream server is timing out"), "{}", answer.text());
    assert!(began.elapsed() >= Duration::from_millis(300), "not before its time");
    assert!(began.elapsed() < Duration::from_secs(10), "the default of 60 s does not apply");
    Ok(())
}

/// Sends everything before it reads anything, as many clients do, and reads to the end.
async fn send_all(gateway: &Gateway, messages: &[&[u8]]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    for message in messages {
        stream.write_all(message).await?;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn an_early_answer_can_be_read_by_a_client_that_sends_on() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_CLIENT_MAX_BODY_SIZE", "20m").start().await?;
    let refused = gateway_tests::free_port()?;
    serve(&gateway, "refused", &format!("http://{refused}")).await?;
    let large = vec![b'x'; 8 << 20];
    let last = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (path, status) in [("/nowhere", 404), ("/refused", 502)] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", large.len());
        let answers = send_all(&gateway, &[head.as_bytes(), &large, last]).await?;
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answers:?}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{path}: the connection is in step: {answers:?}");
    }
    let head = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n";
    let answer = send_all(&gateway, &[head.as_bytes(), &large, &large, &large]).await?;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer:?}");
    let asks = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let answer = send_all(&gateway, &[asks.as_bytes()]).await?;
    assert!(answer.starts_with("HTTP/1.1 404 "), "it is not told to go on: {answer:?}");
    Ok(())
}
