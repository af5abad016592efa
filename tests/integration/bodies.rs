//! Plugins that see bodies: held with the head, chunk by chunk, and what follows them.

use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{Client, Gateway, Http2Client, Upstream, request, unannounced};
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::Full;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{PATIENCE, assign, component, gateway, serve};

/// Sends raw bytes on a connection of its own and reads to its end.
async fn raw(gateway: &Gateway, bytes: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    stream.write_all(bytes.as_bytes()).await?;
    let mut answer = Vec::new();
    _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn post(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n{body}")
}

async fn upload(gateway: &Gateway, folder: &str) -> anyhow::Result<()> {
    let uploaded = gateway.upload(component(folder)?).await?;
    anyhow::ensure!(uploaded.status.is_success(), "{}", uploaded.text());
    Ok(())
}

/// A gateway whose route `/json` moves `/user/id` into a header and takes `secret` out.
async fn json_gateway(upstream: &Upstream) -> anyhow::Result<Gateway> {
    let gateway = gateway().listening("http2").start().await?;
    upload(&gateway, "example-plugins/rust/json-field").await?;
    serve(&gateway, "json", &upstream.url()).await?;
    let config = json!({ "pointer": "/user/id", "header": "x-user", "remove": "secret", "max_bytes": 200 });
    assign(&gateway, "json", &json!({ "name": "json-field", "config": config })).await?;
    let live = || async {
        let sent = post("/json", "Content-Type: application/json\r\nContent-Length: 1\r\n", "{");
        raw(&gateway, &sent).await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 400 "))
    };
    gateway_tests::eventually("the plugin is live", PATIENCE, live).await?;
    Ok(gateway)
}

#[tokio::test]
async fn a_json_field_becomes_a_header_and_the_body_is_sent_anew() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = json_gateway(&upstream).await?;
    let body = r#"{"user": {"id": "u7"}, "secret": 1}"#;
    let (first, second) = body.split_at(9);
    let chunks = format!("{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n", first.len(), second.len());
    let kind = "Content-Type: application/json\r\n";
    let length = format!("{kind}Content-Length: {}\r\n", body.len());
    let chunked = format!("{kind}Transfer-Encoding: chunked\r\n");
    for (case, sent, trailer) in [
        ("length", post("/json", &length, body), None),
        ("chunks", post("/json", &chunked, &format!("{chunks}\r\n")), None),
        ("trailers", post("/json", &chunked, &format!("{chunks}X-Sum: 5\r\n\r\n")), Some("5")),
        ("asked first", post("/json", &format!("{length}Expect: 100-continue\r\n"), body), None),
    ] {
        let answer = raw(&gateway, &sent).await?;
        assert!(answer.contains("HTTP/1.1 200 OK"), "{case}: {answer}");
        assert_eq!(answer.starts_with("HTTP/1.1 100 "), case == "asked first", "{case}: {answer}");
        let seen = upstream.seen().pop().unwrap();
        assert_eq!(seen.body, r#"{"user":{"id":"u7"}}"#, "{case}");
        assert_eq!(seen.headers.get("x-user").unwrap(), "u7", "{case}");
        let trailers = seen.trailers.unwrap_or_default();
        assert_eq!(trailers.get("x-sum").map(|value| value.to_str().unwrap()), trailer, "{case}");
        let length = seen.headers.get("content-length").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(length.as_deref(), trailer.map_or(Some("20"), |_| None), "{case}: framed anew");
    }
    Ok(())
}

#[tokio::test]
async fn over_http_2_as_well() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = json_gateway(&upstream).await?;
    let mut client = Http2Client::connect(gateway.proxy).await?;
    let kind = [("content-type", "application/json")];
    let body = r#"{"user": {"id": "u7"}, "secret": 1}"#;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("5"));
    for (case, sent, trailer) in
        [("length", gateway_tests::upload(body), None), ("trailers", unannounced(body, trailers), Some("5"))]
    {
        let (answer, _) = client.send(Method::POST, "/json", &kind, sent).await?;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "ok"), "{case}");
        let seen = upstream.seen().pop().unwrap();
        assert_eq!(seen.body, r#"{"user":{"id":"u7"}}"#, "{case}");
        assert_eq!(seen.headers.get("x-user").unwrap(), "u7", "{case}: the head waits for the body");
        let sum = seen.trailers.unwrap_or_default().get("x-sum").cloned();
        assert_eq!(sum.as_ref().map(|value| value.to_str().unwrap()), trailer, "{case}");
    }
    let before = upstream.seen().len();
    for (case, sent, want) in [("too long", "x".repeat(300), 413), ("no JSON", "{x}".to_owned(), 400)] {
        let (answer, _) = client.send(Method::POST, "/json", &kind, gateway_tests::upload(sent)).await?;
        assert_eq!(answer.status.as_u16(), want, "{case}");
    }
    assert_eq!(upstream.seen().len(), before);
    let again = client.send(Method::POST, "/json", &kind, gateway_tests::upload(body)).await?.0;
    assert_eq!(again.status, 200, "the connection goes on");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_held_or_read_is_refused_and_the_rest_passes() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = json_gateway(&upstream).await?;
    let before = upstream.seen().len();
    let kind = "Content-Type: application/json\r\n";
    let long = "x".repeat(300);
    for (case, sent, status) in [
        ("too long", post("/json", &format!("{kind}Content-Length: 300\r\n"), &long), "413"),
        (
            "too long in chunks",
            post(
                "/json",
                &format!("{kind}Transfer-Encoding: chunked\r\n"),
                &format!("12c\r\n{long}\r\n0\r\n\r\n"),
            ),
            "413",
        ),
        (
            "too long, asked first",
            post("/json", &format!("{kind}Content-Length: 300\r\nExpect: 100-continue\r\n"), ""),
            "413",
        ),
        ("no JSON", post("/json", &format!("{kind}Content-Length: 3\r\n"), "{x}"), "400"),
        ("no body", post("/json", &format!("{kind}Content-Length: 0\r\n"), ""), "400"),
    ] {
        let answer = raw(&gateway, &sent).await?;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {answer}");
        assert_eq!(answer.contains("Request size limit exceeded"), status == "413", "{case}: {answer}");
    }
    assert_eq!(upstream.seen().len(), before, "none of them reached the upstream");
    let zipped = post("/json", &format!("{kind}Content-Encoding: gzip\r\nContent-Length: 3\r\n"), "zip");
    assert!(raw(&gateway, &zipped).await?.starts_with("HTTP/1.1 200 "), "compressed bodies are not read");
    assert_eq!(upstream.seen().pop().unwrap().body, "zip");
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_while_its_body_is_collected_costs_nothing() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = json_gateway(&upstream).await?;
    let before = upstream.seen().len();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(gateway.proxy).await?;
        let half = post("/json", "Content-Type: application/json\r\nContent-Length: 100\r\n", "{\"user\":");
        stream.write_all(half.as_bytes()).await?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let good = post("/json", "Content-Type: application/json\r\nContent-Length: 2\r\n", "{}");
    assert!(raw(&gateway, &good).await?.starts_with("HTTP/1.1 200 "));
    assert_eq!(upstream.seen().len(), before + 1, "half a request reaches no upstream");
    Ok(())
}

#[tokio::test]
async fn a_response_is_held_looked_into_and_framed_anew() -> anyhow::Result<()> {
    let upstream = Upstream::start(|seen| {
        let (status, body) = match seen.target.as_str() {
            "/json/none" => (204, String::new()),
            "/json/same" => (304, String::new()),
            "/json/long" => (200, format!("{{\"n\": \"{}\"}}", "x".repeat(300))),
            _ => (200, r#"{"n": 5, "secret": true}"#.to_owned()),
        };
        let response = http::Response::builder().status(status).header("content-type", "application/json");
        response.body(Full::new(Bytes::from(body))).unwrap_or_default()
    })
    .await?;
    let gateway = gateway().start().await?;
    upload(&gateway, "example-plugins/rust/json-field").await?;
    serve(&gateway, "json", &format!("{}/json", upstream.url())).await?;
    let config = json!({
        "message": "response", "pointer": "/n", "header": "x-n", "remove": "secret", "max_bytes": 200
    });
    let made = assign(&gateway, "json", &json!({ "name": "json-field", "config": config })).await?;
    gateway.wait_for("the plugin is live", PATIENCE, "/json", |answer| answer.header("x-n") == "5").await?;
    let answer = gateway.get("/json", &[]).await?;
    assert_eq!((answer.text().as_str(), answer.header("content-length")), (r#"{"n":5}"#, "7"));
    assert_eq!(answer.header("via"), "1.1 kong/3.9.3", "it is still the upstream's answer");
    let mut client = Client::connect(gateway.proxy).await?;
    let head = client.send(request(Method::HEAD, "/json", &[], Bytes::new())?).await?;
    assert_eq!((head.status.as_u16(), head.header("x-n")), (200, ""), "a HEAD has no body to look into");
    for (path, status) in [("/json/none", 204), ("/json/same", 304)] {
        assert_eq!(gateway.get(path, &[]).await?.status, status, "{path}");
    }
    assert_eq!(gateway.get("/json/long", &[]).await?.status, 502, "too long for the plugin, policy closed");
    let path = format!("/plugins/{}", made["id"].as_str().unwrap_or_default());
    gateway.apply(Method::PATCH, &path, &json!({ "sandbox": { "on_failure": "open" } })).await?;
    let passed = |answer: &gateway_tests::Answer| answer.status == 200 && answer.body.len() == 309;
    gateway.wait_for("it passes whole, policy open", PATIENCE, "/json/long", passed).await?;
    Ok(())
}

#[tokio::test]
async fn an_upstream_that_breaks_off_while_its_body_is_held_is_a_502() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            _ = stream.read(&mut [0; 4096]).await;
            let half = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
            _ = stream.write_all(half.as_bytes()).await;
        }
    });
    let gateway = gateway().start().await?;
    upload(&gateway, "example-plugins/rust/json-field").await?;
    serve(&gateway, "half", &url).await?;
    let config = json!({ "message": "response", "pointer": "/n", "header": "x-n" });
    assign(&gateway, "half", &json!({ "name": "json-field", "config": config })).await?;
    gateway.wait_for("a clear answer", PATIENCE, "/half", |answer| answer.status == 502).await?;
    Ok(())
}

#[tokio::test]
async fn chunks_pass_a_plugin_that_counts_adds_and_breaks_off() -> anyhow::Result<()> {
    let upstream = Upstream::start(|seen| http::Response::new(Full::new(seen.body.clone()))).await?;
    let gateway = gateway().start().await?;
    upload(&gateway, "example-plugins/rust/chunk-count").await?;
    serve(&gateway, "count", &upstream.url()).await?;
    let config = json!({ "summary": true, "max_bytes": 9_000_000 });
    assign(&gateway, "count", &json!({ "name": "chunk-count", "config": config })).await?;
    let large = vec![b'x'; 8 << 20];
    let mut client = Client::connect(gateway.proxy).await?;
    let counted = format!("\n{} bytes\n", large.len());
    let live = || async {
        let sent = request(Method::POST, "/count", &[], "hi")
            .map(|sent| async { Client::connect(gateway.proxy).await?.send(sent).await });
        match sent {
            Ok(answer) => answer.await.is_ok_and(|answer| answer.text() == "hi\n2 bytes\n"),
            Err(_) => false,
        }
    };
    gateway_tests::eventually("the plugin is live", PATIENCE, live).await?;
    let answer = client.send(request(Method::POST, "/count", &[], large.clone())?).await?;
    assert_eq!(answer.body.len(), large.len() + counted.len());
    assert!(answer.body.ends_with(counted.as_bytes()));
    let empty = gateway.get("/count", &[]).await?;
    assert_eq!((empty.status.as_u16(), empty.text().as_str()), (200, ""), "no body, no chunks");
    let head = client.send(request(Method::HEAD, "/count", &[], Bytes::new())?).await?;
    assert_eq!(head.status, 200);
    let too_long = client.send(request(Method::POST, "/count", &[], vec![b'x'; 10 << 20])?).await;
    assert!(too_long.is_ok_and(|answer| answer.status == 400), "broken off before there was a response");
    let after =
        Client::connect(gateway.proxy).await?.send(request(Method::POST, "/count", &[], "hi")?).await?;
    assert_eq!(after.text(), "hi\n2 bytes\n", "a new body is counted from 0");
    Ok(())
}

#[tokio::test]
async fn a_plugin_before_routing_chooses_the_route_and_may_answer() -> anyhow::Result<()> {
    let upstream = Upstream::start(|seen| http::Response::new(Full::new(seen.target.clone().into()))).await?;
    let gateway = gateway().start().await?;
    upload(&gateway, "tests/guests/detour").await?;
    serve(&gateway, "new", &upstream.url()).await?;
    assert_eq!(gateway.get("/old", &[]).await?.status, 404);
    let config = json!({ "from": "/old", "to": "/new/place" });
    let detour = json!({ "name": "detour", "config": config });
    gateway.apply(Method::POST, "/plugins", &detour).await?;
    gateway.wait_for("routed elsewhere", PATIENCE, "/old", |answer| answer.text() == "/place").await?;
    assert_eq!(upstream.seen().pop().unwrap().headers.get("x-detour").unwrap(), "1");
    assert_eq!(gateway.get("/old", &[("x-closed", "1")]).await?.status, 451);
    assert_eq!(gateway.get("/nowhere", &[("x-closed", "1")]).await?.status, 451, "there is no route yet");
    assert_eq!(gateway.get("/nowhere", &[]).await?.status, 404);
    Ok(())
}

/// A body that is held goes out with the length of what is put in its place, longer or shorter or none at all, and
/// the connections on both sides go on.
#[tokio::test]
async fn a_held_body_may_become_longer_or_shorter() -> anyhow::Result<()> {
    let upstream = Upstream::saying("hello").await?;
    let gateway = gateway().listening("http2").start().await?;
    upload(&gateway, "tests/guests/resized").await?;
    serve(&gateway, "sized", &upstream.url()).await?;
    // An unoptimised gateway takes its time to move a megabyte.
    let patient = json!({ "limits": { "guest_ms_per_call": 1000 } });
    assign(&gateway, "sized", &json!({ "name": "resized", "sandbox": patient })).await?;
    let live = || async {
        let answer = gateway.get("/sized", &[("x-size", "1")]).await;
        answer.is_ok_and(|answer| answer.text() == "x")
    };
    gateway_tests::eventually("the plugin is live", PATIENCE, live).await?;
    let mut first = Client::connect(gateway.proxy).await?;
    let mut second = Http2Client::connect(gateway.proxy).await?;
    for size in ["0", "3", "6", "70000", "1000000"] {
        let headers = [("x-size", size)];
        let sent = request(Method::POST, "/sized", &headers, Bytes::from_static(b"12345"))?;
        let empty = request(Method::POST, "/sized", &headers, Bytes::new())?;
        let upload = || gateway_tests::upload("12345");
        for (case, answer) in [
            ("HTTP/1.1", first.send(sent).await?),
            ("without a body", first.send(empty).await?),
            ("HTTP/2", second.send(Method::POST, "/sized", &headers, upload()).await?.0),
        ] {
            assert_eq!(answer.status, 200, "{case}, {size}: {}", answer.text());
            let seen = upstream.seen().pop().unwrap();
            let length = seen.headers.get("content-length").map(|value| value.to_str().unwrap());
            assert_eq!((seen.body.len().to_string().as_str(), length), (size, Some(size)), "{case}");
            assert_eq!(answer.body.len().to_string(), size, "{case}");
            // The end of the stream says it as well.
            let unsaid = case == "HTTP/2" && answer.header("content-length").is_empty();
            assert!(unsaid || answer.header("content-length") == size, "{case}: {:?}", answer.headers);
        }
    }
    let head = first.send(request(Method::HEAD, "/sized", &[("x-size", "3")], Bytes::new())?).await?;
    assert_eq!(head.status, 200, "its answer has no body that could be replaced");
    Ok(())
}
