//! Functions: a plain `wasi:http` component, compiled from real source, that answers in the upstream's place.

use std::time::Duration;

use gateway_tests::{Client, Gateway, Upstream, eventually, named, request};
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, component, gateway};

fn guest() -> anyhow::Result<Vec<u8>> {
    Ok(named(&component("tests/guests/function")?, "function", "0.1.0"))
}

/// A gateway whose route `/fn` has no service, but the function, with this `sandbox`.
async fn function_gateway(sandbox: &Value) -> anyhow::Result<Gateway> {
    let gateway = gateway().set("WEIR_WASI_HTTP_FUNCTIONS", "on").start().await?;
    let uploaded = gateway.upload(guest()?).await?;
    anyhow::ensure!(uploaded.status == 201, "{}", uploaded.text());
    gateway.apply(Method::PUT, "/routes/fn", &json!({ "paths": ["/fn"] })).await?;
    let assignment = json!({ "name": "function", "sandbox": sandbox });
    gateway.apply(Method::POST, "/routes/fn/plugins", &assignment).await?;
    gateway.wait_for("the function is live", PATIENCE, "/fn", |answer| answer.status == 203).await?;
    Ok(gateway)
}

async fn metrics(gateway: &Gateway) -> anyhow::Result<String> {
    Ok(Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text())
}

/// Sends raw bytes on a connection of its own and reads until `enough` or its end.
async fn raw(gateway: &Gateway, bytes: &str, enough: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    stream.write_all(bytes.as_bytes()).await?;
    read(&mut stream, enough).await
}

async fn read(stream: &mut TcpStream, enough: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while enough.is_empty() || !text.contains(enough) {
        let bytes = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await??;
        text += &String::from_utf8_lossy(buffer.get(..bytes).unwrap_or_default());
        if bytes == 0 {
            break;
        }
    }
    Ok(text)
}

#[tokio::test]
async fn a_function_answers_like_an_upstream() -> anyhow::Result<()> {
    let gateway = function_gateway(&json!({})).await?;
    let answer = gateway.get("/fn/x?y=1", &[("x-own", "2"), ("connection", "x-hop"), ("x-hop", "3")]).await?;
    let text = answer.text();
    assert_eq!(answer.status, 203);
    assert!(
        text.starts_with("Method::Get ") && text.contains(" /x?y=1\n"),
        "the path without the route's: {text}"
    );
    for (line, want) in [
        ("x-own: 2\n", true),
        ("x-forwarded-for: 127.0.0.1\n", true),
        ("x-forwarded-path: /fn/x\n", true),
        ("x-hop", false),
        ("connection", false),
    ] {
        assert_eq!(text.contains(line), want, "{line} in {text}");
    }
    let split = gateway.get("/fn/split", &[]).await?;
    assert_eq!((split.header("x-end"), split.header("connection")), ("2", ""), "framing is the gateway's");
    let head = request(Method::HEAD, "/fn/x", &[], bytes::Bytes::new())?;
    let head = Client::connect(gateway.proxy).await?.send(head).await?;
    assert_eq!((head.status.as_u16(), head.body.len()), (203, 0));
    let logged = gateway.get("/fn/log", &[]).await?;
    assert_eq!(logged.text(), "logged");
    assert!(gateway.log().contains("a line of its own"), "its error output is its log");
    let one = gateway.apply(Method::GET, "/custom-plugins/function/versions/0.1.0", &Value::Null).await?;
    assert_eq!(one["phases"], json!(["function"]));
    let metrics = metrics(&gateway).await?;
    let counted = metrics.lines().any(|line| {
        line.starts_with("weir_plugin_calls_total")
            && [r#"plugin="function""#, r#"phase="function""#, r#"outcome="respond""#]
                .iter()
                .all(|part| line.contains(part))
    });
    assert!(counted, "{metrics}");
    Ok(())
}

#[tokio::test]
async fn bodies_stream_in_both_directions() -> anyhow::Result<()> {
    let gateway = function_gateway(&json!({})).await?;
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    stream
        .write_all(b"POST /fn/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        .await?;
    let seen = read(&mut stream, "first").await?;
    assert!(seen.contains("x-function: echo"), "the answer comes while the request is on its way: {seen}");
    stream.write_all(b"6\r\nsecond\r\n").await?;
    assert!(read(&mut stream, "second").await?.contains("second"));
    stream.write_all(b"0\r\n\r\n").await?;
    assert!(read(&mut stream, "0\r\n\r\n").await?.ends_with("0\r\n\r\n"), "its end comes through");
    let large = bytes::Bytes::from(vec![b'x'; 8 << 20]);
    let sent = request(Method::POST, "/fn/echo", &[], large.clone())?;
    let answer = Client::connect(gateway.proxy).await?.send(sent).await?;
    assert!(answer.body == large, "{} of {} bytes", answer.body.len(), large.len());
    Ok(())
}

#[tokio::test]
async fn a_function_that_fails_is_answered_for() -> anyhow::Result<()> {
    let sandbox = json!({
        "limits": { "guest_ms_per_call": 60, "wall_ms_per_exchange": 3000, "memory_mib": 16 },
        "breaker": { "failures": 0 },
    });
    let gateway = function_gateway(&sandbox).await?;
    for path in ["trap", "loop", "memory", "silent", "error", "sleep"] {
        let answer = gateway.get(&format!("/fn/{path}"), &[]).await?;
        assert_eq!(answer.status, 500, "{path}: {}", answer.text());
        assert!(answer.text().contains("An unexpected error occurred"), "{path}: {}", answer.text());
    }
    for path in ["late-trap", "short", "sleep-in-the-middle"] {
        let sent = format!("GET /fn/{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = raw(&gateway, &sent, "").await?;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        assert!(
            !answer.ends_with("0\r\n\r\n"),
            "{path}: a body that breaks off must not look whole: {answer}"
        );
        assert!(
            answer.ends_with("half of \r\n") || answer.ends_with("\r\n\r\nshort"),
            "{path}: what came is seen: {answer}"
        );
    }
    let metrics = metrics(&gateway).await?;
    for (outcome, calls) in [("trap", 3), ("timeout", 3), ("bad_answer", 1), ("failed", 1)] {
        let line = metrics.lines().find(|line| {
            line.starts_with("weir_plugin_calls_total") && line.contains(&format!(r#"outcome="{outcome}""#))
        });
        assert!(line.is_some_and(|line| line.ends_with(&format!(" {calls}"))), "{outcome}: {line:?}");
    }
    assert_eq!(gateway.get("/fn/x", &[]).await?.status, 203, "and it is there as before");
    Ok(())
}

#[tokio::test]
async fn a_function_reaches_the_hosts_that_were_granted() -> anyhow::Result<()> {
    let upstream = Upstream::saying("from afar").await?;
    let other = Upstream::saying("not granted").await?;
    let host = upstream.address().to_string();
    let ask = |address: String| format!("/fn/fetch?{address}/data");
    let closed = function_gateway(&json!({})).await?;
    let refused = closed.get(&ask(host.clone()), &[]).await?.text();
    assert!(refused.contains("HttpRequestDenied"), "{refused}");
    let gateway =
        function_gateway(&json!({ "grants": { "http-client": { "hosts": [host.clone()] } } })).await?;
    assert_eq!(gateway.get(&ask(host.clone()), &[]).await?.text(), "200 from afar");
    let refused = gateway.get(&ask(other.address().to_string()), &[]).await?.text();
    assert!(refused.contains("HttpRequestDenied"), "{refused}");
    let named = format!("localhost:{}", upstream.address().port());
    let inside =
        function_gateway(&json!({ "grants": { "http-client": { "hosts": [named.clone()] } } })).await?;
    let refused = inside.get(&ask(named), &[]).await?.text();
    assert!(refused.contains("HttpRequestDenied"), "a name must not lead inside: {refused}");
    assert_eq!((upstream.seen().len(), other.seen().len()), (1, 0));
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call() -> anyhow::Result<()> {
    let gateway = function_gateway(&json!({})).await?;
    let alive = || async {
        let metrics = metrics(&gateway).await.unwrap_or_default();
        metrics.lines().find_map(|line| line.strip_prefix("weir_plugin_instances ")).map(str::to_owned)
    };
    let idle = alive().await;
    for path in ["sleep", "sleep-in-the-middle"] {
        let mut stream = TcpStream::connect(gateway.proxy).await?;
        stream.write_all(format!("GET /fn/{path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await?;
        eventually("it is called", PATIENCE, || async { alive().await != idle }).await?;
        drop(stream);
        // Long before its wall time of a minute.
        eventually("its instance is gone", Duration::from_secs(10), || async { alive().await == idle })
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn functions_are_refused_unless_the_operator_wants_them() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let refused = gateway.upload(guest()?).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("wasi_http_functions = on"), "{}", refused.text());
    Ok(())
}
