//! HTTP/2 without TLS, by prior knowledge: the same life of a request as over HTTP/1.1.

use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{Client, Framer, Gateway, Http2Client, Upstream, literals, status, unannounced, upload};
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{gateway, serve};

const LONG: Duration = Duration::from_secs(20);

fn echo(seen: &gateway_tests::Seen) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(seen.body.clone()));
    response.headers_mut().insert("keep-alive", HeaderValue::from_static("timeout=5"));
    response.headers_mut().insert("x-own", HeaderValue::from_static("1"));
    response
}

#[tokio::test]
async fn a_request_goes_the_way_of_any_other() -> anyhow::Result<()> {
    let upstream = Upstream::start(echo).await?;
    let gateway = gateway().listening("http2").set("WEIR_PROXY_ACCESS_LOG", "access.log").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let mut client = Http2Client::connect(gateway.proxy).await?;
    let sent = [("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"), ("x-mine", "1"), ("via", "1.0 x")];
    let (answer, _) = client.send(Method::POST, "/a/b?c=d", &sent, upload("hello")).await?;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "hello"));
    assert_eq!(answer.header("via"), "2 kong/3.9.3");
    assert_eq!((answer.header("x-own"), answer.header("keep-alive")), ("1", ""), "no field of a connection");
    assert!(!answer.header("date").is_empty() && !answer.header("x-kong-request-id").is_empty());
    let seen = upstream.seen().pop().unwrap();
    let header = |name: &str| {
        let values: Vec<_> = seen.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        values.join(" | ")
    };
    assert_eq!(seen.target, "/b?c=d");
    for (name, want) in [
        ("host", upstream.address().to_string()),
        ("cookie", "a=1; b=2".to_owned()),
        ("te", "trailers".to_owned()),
        ("x-mine", "1".to_owned()),
        ("via", "1.0 x, 2 kong/3.9.3".to_owned()),
        ("content-length", "5".to_owned()),
        ("x-forwarded-host", "127.0.0.1".to_owned()),
        ("x-forwarded-port", gateway.proxy.port().to_string()),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-forwarded-for", "127.0.0.1".to_owned()),
        ("x-forwarded-path", "/a/b".to_owned()),
        ("connection", "keep-alive".to_owned()),
    ] {
        assert_eq!(header(name), want, "{name}");
    }
    let missing = client.get("/nowhere", &[]).await?;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["message"], "no Route matched with those values");
    let head = client.send(Method::HEAD, "/nowhere", &[], upload("")).await?.0;
    assert_eq!((head.status.as_u16(), head.body.len()), (404, 0));
    let log = gateway.prefix().join("access.log");
    gateway_tests::eventually("it is logged", LONG, || async {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("\"path\":\"/a/b\""))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn http_1_is_spoken_on_the_same_listener_and_http_2_only_where_it_is_asked_for() -> anyhow::Result<()> {
    let upstream = Upstream::start(echo).await?;
    let both = gateway().listening("http2").start().await?;
    serve(&both, "a", &upstream.url()).await?;
    let mut client = Client::connect(both.proxy).await?;
    for size in [0, 10, 3_000, 300_000] {
        let body = vec![b'x'; size];
        let sent = gateway_tests::request(Method::POST, "/a", &[], body.clone())?;
        assert_eq!(client.send(sent).await?.body, body, "{size} bytes, the first with the head");
    }
    let mut slow = TcpStream::connect(both.proxy).await?;
    let request = "PRI /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for byte in request.bytes() {
        slow.write_all(&[byte]).await?;
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await?;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "a method that begins like the preface: {answer}");
    let only = gateway().start().await?;
    let mut framer = Framer::connect(only.proxy).await?;
    framer
        .frame(
            1,
            5,
            1,
            &literals(&[(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a")]),
        )
        .await?;
    assert!(framer.is_ended(LONG).await, "HTTP/1.1 alone is spoken there");
    Ok(())
}

#[tokio::test]
async fn streams_run_beside_each_other_and_bodies_of_any_size_pass() -> anyhow::Result<()> {
    let upstream = Upstream::taking(Duration::from_millis(300), echo).await?;
    let gateway = gateway().listening("http2").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let client = Http2Client::connect(gateway.proxy).await?;
    let mut running = Vec::new();
    for number in 0..80_usize {
        let mut client = client.clone();
        running.push(tokio::spawn(async move {
            let body = vec![b'a' + u8::try_from(number % 26).unwrap(); number * 3_000];
            let (answer, _) = client.send(Method::POST, "/a", &[], upload(body.clone())).await?;
            anyhow::ensure!(answer.status == 200 && answer.body == body, "stream {number}");
            Ok(())
        }));
    }
    for one in running {
        one.await??;
    }
    let large = vec![b'x'; 8 << 20];
    let (answer, _) = client.clone().send(Method::POST, "/a", &[], upload(large.clone())).await?;
    assert_eq!(answer.body.len(), large.len());
    Ok(())
}

/// Answers each request with trailers that are not announced, as gRPC servers do behind HTTP/1.1.
async fn with_trailers(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                break;
            }
        }
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        let body = "2\r\nhi\r\n0\r\ngrpc-status: 0\r\ntransfer-encoding: x\r\n\r\n";
        _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let answering = format!("http://{}", listener.local_addr()?);
    let task = tokio::spawn(with_trailers(listener));
    let upstream = Upstream::start(echo).await?;
    let gateway = gateway().listening("http2").start().await?;
    serve(&gateway, "there", &upstream.url()).await?;
    serve(&gateway, "back", &answering).await?;
    let mut client = Http2Client::connect(gateway.proxy).await?;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("5"));
    let body = unannounced("hello", trailers.clone());
    let (answer, _) = client.send(Method::POST, "/there", &[], body).await?;
    assert_eq!(answer.text(), "hello");
    assert_eq!(upstream.seen().pop().unwrap().trailers, Some(trailers));
    let (answer, trailers) = client.send(Method::GET, "/back", &[], upload("")).await?;
    assert_eq!(answer.text(), "hi");
    let trailers = trailers.unwrap_or_default();
    assert_eq!(trailers.get("grpc-status"), Some(&HeaderValue::from_static("0")));
    assert!(trailers.get("transfer-encoding").is_none(), "{trailers:?}");
    task.abort();
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_413_and_its_stream_alone_ends() -> anyhow::Result<()> {
    let upstream = Upstream::start(echo).await?;
    let gateway = gateway().listening("http2").set("WEIR_CLIENT_MAX_BODY_SIZE", "100k").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let mut client = Http2Client::connect(gateway.proxy).await?;
    let (announced, _) = client.send(Method::POST, "/a", &[], upload(vec![b'x'; 200_000])).await?;
    assert_eq!(announced.status, 413);
    let unknown = unannounced(vec![b'x'; 200_000], HeaderMap::new());
    let (counted, _) = client.send(Method::POST, "/a", &[], unknown).await?;
    assert_eq!(counted.status, 413);
    assert_eq!(client.get("/a", &[]).await?.status, 200, "on the same connection");
    Ok(())
}

/// Begins a stream, and leaves its body open.
async fn begin(gateway: &Gateway, path: &str) -> anyhow::Result<Framer> {
    let mut framer = Framer::connect(gateway.proxy).await?;
    let head = [(":method", "POST"), (":path", path), (":scheme", "http"), (":authority", "a")];
    framer.frame(1, 4, 1, &literals(&head)).await?;
    Ok(framer)
}

#[tokio::test]
async fn waits_for_a_client_have_an_end() -> anyhow::Result<()> {
    let upstream = Upstream::start(echo).await?;
    let gateway = gateway()
        .listening("http2")
        .set("WEIR_CLIENT_HEADER_TIMEOUT", "1")
        .set("WEIR_CLIENT_BODY_TIMEOUT", "1")
        .set("WEIR_CLIENT_SEND_TIMEOUT", "1")
        .set("WEIR_CLIENT_KEEPALIVE_TIMEOUT", "2")
        .start()
        .await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let mut silent = TcpStream::connect(gateway.proxy).await?;
    silent.write_all(b"PRI * HTTP").await?;
    let mut rest = Vec::new();
    tokio::time::timeout(LONG, silent.read_to_end(&mut rest)).await??;
    let mut half_a_head = Framer::connect(gateway.proxy).await?;
    half_a_head.frame(1, 0, 1, &literals(&[(":method", "GET")])).await?;
    assert!(half_a_head.is_ended(LONG).await, "a head that does not end");
    let mut half_a_body = begin(&gateway, "/a").await?;
    half_a_body.frame(0, 0, 1, b"half").await?;
    let reset = half_a_body.wait_for(LONG, |frame| frame.kind == 3 && frame.stream == 1).await;
    assert!(reset.is_some(), "a body that does not end resets its stream");
    let goaway = half_a_body.wait_for(LONG, |frame| frame.kind == 7).await;
    assert!(goaway.is_some(), "an idle connection is told that it ends");
    assert!(half_a_body.is_ended(LONG).await, "and ends");
    let mut takes_nothing = Framer::connect(gateway.proxy).await?;
    takes_nothing.frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]).await?;
    let head = [(":method", "POST"), (":path", "/a"), (":scheme", "http"), (":authority", "a")];
    takes_nothing.frame(1, 4, 1, &literals(&head)).await?;
    takes_nothing.frame(0, 1, 1, b"hello").await?;
    let answer = takes_nothing.wait_for(LONG, |frame| frame.kind == 1).await;
    assert_eq!(answer.and_then(|frame| status(&frame.payload)).map(|status| status.as_u16()), Some(200));
    let reset = takes_nothing.wait_for(LONG, |frame| frame.kind == 3 && frame.stream == 1).await;
    assert!(reset.is_some(), "a client that gives no window loses the stream");
    Ok(())
}

#[tokio::test]
async fn a_drain_says_so_and_finishes_what_runs() -> anyhow::Result<()> {
    let upstream = Upstream::taking(Duration::from_millis(1500), echo).await?;
    let mut gateway = gateway().listening("http2").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let client = Http2Client::connect(gateway.proxy).await?;
    let before = upstream.seen().len();
    let running: Vec<_> = (0..10)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { client.send(Method::POST, "/a", &[], upload("hello")).await })
        })
        .collect();
    let mut idle = Framer::connect(gateway.proxy).await?;
    idle.frame(
        1,
        5,
        1,
        &literals(&[(":method", "GET"), (":path", "/no"), (":scheme", "http"), (":authority", "a")]),
    )
    .await?;
    assert!(idle.wait_for(LONG, |frame| frame.kind == 1).await.is_some());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(upstream.seen().len(), before, "they are under way");
    gateway.signal("TERM")?;
    let goaway = idle.wait_for(LONG, |frame| frame.kind == 7).await;
    assert_eq!(goaway.map(|frame| frame.payload[4..8].to_vec()), Some(vec![0; 4]), "NO_ERROR");
    for one in running {
        let (answer, _) = one.await??;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "hello"));
    }
    let ended = gateway.ended(LONG).await?;
    assert!(ended.success(), "{ended}");
    Ok(())
}
