//! Plugins in the trailer phases: what they make of trailers comes out at the other end, and what no trailer may say
//! does not.

use std::time::Duration;

use gateway_tests::{Gateway, Upstream};
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{PATIENCE, assign, component, gateway, serve};

/// A request whose body has trailers; the answer as it is on the wire.
async fn post(gateway: &Gateway, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTE: trailers\r\n");
    let body = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Old: 1\r\nX-Sum: 5\r\n\r\n";
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = Vec::new();
    _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    Ok(String::from_utf8_lossy(&answer).to_lowercase())
}

/// Answers each request with trailers, in chunks; those that it announces come through.
async fn with_trailers(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut seen = Vec::new();
        while !(seen.ends_with(b"\r\n\r\n") && (seen.starts_with(b"GET") || contains(&seen, b"\r\n0\r\n"))) {
            if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                break;
            }
        }
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ntrailer: x-old, x-sum, x-came, x-new\r\n";
        let body = "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-old: 1\r\nx-sum: 2\r\n\r\n";
        _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

/// Assigns the plugin, and waits until it is live.
async fn trailing(gateway: &Gateway, route: &str, sandbox: &Value, name: &str) -> anyhow::Result<()> {
    let config = json!({ "name": name, "value": "1" });
    assign(gateway, route, &json!({ "name": "trailing", "config": config, "sandbox": sandbox })).await?;
    let path = format!("/{route}");
    let live = || async {
        let answer = post(gateway, &path).await.unwrap_or_default();
        answer.contains("x-came: ") || !answer.contains("200 ok")
    };
    gateway_tests::eventually("the plugin is live", PATIENCE, live).await.map(drop)
}

#[tokio::test]
async fn trailers_are_edited_both_ways() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let answering = format!("http://{}", listener.local_addr()?);
    let task = tokio::spawn(with_trailers(listener));
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().start().await?;
    let uploaded = gateway.upload(component("tests/guests/trailing")?).await?;
    anyhow::ensure!(uploaded.status == 201, "{}", uploaded.text());
    serve(&gateway, "there", &upstream.url()).await?;
    serve(&gateway, "back", &answering).await?;
    trailing(&gateway, "back", &json!({}), "x-new").await?;
    let answer = post(&gateway, "/back").await?;
    for part in
        ["\r\n\r\n2\r\nhi\r\n0\r\n", "x-sum: 2\r\n", "x-new: 1\r\n", "x-came: response: x-old x-sum\r\n"]
    {
        assert!(answer.contains(part), "{part:?} in {answer:?}");
    }
    assert!(!answer.contains("x-old: 1"), "{answer:?}");
    // What is live on one route may not be on the other: the request that shows it is the one that is judged.
    let config = json!({ "name": "x-new", "value": "1" });
    assign(&gateway, "there", &json!({ "name": "trailing", "config": config })).await?;
    let came = || async {
        let answer = post(&gateway, "/there").await.unwrap_or_default();
        let seen = upstream.seen().pop().and_then(|seen| seen.trailers).unwrap_or_default();
        answer.contains("200 ok") && seen.contains_key("x-came")
    };
    gateway_tests::eventually("the plugin is live", PATIENCE, came).await?;
    let seen = upstream.seen().pop().unwrap();
    let trailers = seen.trailers.unwrap_or_default();
    let text =
        |name: &str| trailers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    assert_eq!(seen.body, "hello", "the body is as it was");
    assert_eq!(
        ["x-new", "x-sum", "x-came", "x-old"].map(text),
        [Some("1".into()), Some("5".into()), Some("request: x-old x-sum".into()), None]
    );
    assert!(seen.headers.get("x-new").is_none(), "the head had left");
    task.abort();
    Ok(())
}

#[tokio::test]
async fn what_no_trailer_may_say_is_not_said() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().start().await?;
    let uploaded = gateway.upload(component("tests/guests/trailing")?).await?;
    anyhow::ensure!(uploaded.status == 201, "{}", uploaded.text());
    // Framing and routing are the gateway's: an answer that names them is a bad one, whatever the policy says then.
    for (at, name) in ["content-length", "transfer-encoding", "host", "connection"].into_iter().enumerate() {
        let (closed, open) = (format!("closed-{at}"), format!("open-{at}"));
        serve(&gateway, &closed, &upstream.url()).await?;
        serve(&gateway, &open, &upstream.url()).await?;
        let policy = json!({ "name": "trailing", "config": { "name": name, "value": "1" },
            "sandbox": { "on_failure": "open", "breaker": { "failures": 0 } } });
        assign(&gateway, &open, &policy).await?;
        // What was written before goes live before.
        trailing(&gateway, &closed, &json!({ "breaker": { "failures": 0 } }), name).await?;
        let before = upstream.seen().len();
        let refused = post(&gateway, &format!("/{closed}")).await?;
        assert!(refused.starts_with("http/1.1 500 "), "{name}: {refused:?}");
        let whole = upstream.seen().into_iter().skip(before).filter(|seen| seen.trailers.is_some()).count();
        assert_eq!(whole, 0, "{name}: no request looked whole");
        let passed = post(&gateway, &format!("/{open}")).await?;
        assert!(passed.contains("200 ok"), "{name}: {passed:?}");
        let seen = upstream.seen().pop().unwrap();
        let trailers = seen.trailers.unwrap_or_default();
        assert_eq!(
            trailers.get("x-old").map(http::HeaderValue::as_bytes),
            Some(&b"1"[..]),
            "{name}: as they came"
        );
        assert!(trailers.get(name).is_none(), "{name}");
    }
    // Nobody reads these behind a body; what a plugin adds of them goes no further than the gateway.
    for name in ["authorization", "cookie", "content-encoding", "content-type"] {
        serve(&gateway, name, &upstream.url()).await?;
        let config = json!({ "name": name, "value": "1" });
        assign(&gateway, name, &json!({ "name": "trailing", "config": config })).await?;
        let path = format!("/{name}");
        let came = || async {
            let answer = post(&gateway, &path).await.unwrap_or_default();
            let seen = upstream.seen().pop().and_then(|seen| seen.trailers).unwrap_or_default();
            assert!(seen.get(name).is_none(), "{name}: {answer}");
            seen.contains_key("x-came")
        };
        gateway_tests::eventually("the plugin is live", PATIENCE, came).await?;
    }
    let assigned = gateway.apply(Method::GET, "/plugins", &Value::Null).await?;
    assert_eq!(assigned["data"].as_array().map(Vec::len), Some(12), "all of them were live");
    Ok(())
}
