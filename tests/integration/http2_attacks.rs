//! What a client must not do over HTTP/2: heads that an upstream's HTTP/1 parser would read in another way, and floods.

use std::time::Duration;

use gateway_tests::{Framer, Gateway, Http2Client, Upstream, frame, literals, status};

use crate::setup::{gateway, serve};

const LONG: Duration = Duration::from_secs(20);

/// Sends one head, as the whole request; the status, or `None` if the stream is reset or the connection ends.
async fn judged(gateway: &Gateway, fields: &[(&str, &str)]) -> anyhow::Result<Option<u16>> {
    let mut framer = Framer::connect(gateway.proxy).await?;
    framer.frame(1, 5, 1, &literals(fields)).await?;
    let answer =
        framer.wait_for(LONG, |frame| matches!((frame.kind, frame.stream), (1 | 3, 1) | (7, 0))).await;
    let answer = answer.filter(|frame| frame.kind == 1);
    Ok(answer.and_then(|frame| status(&frame.payload)).map(|status| status.as_u16()))
}

/// A request with these fields in place of the usual ones of the same name, or behind them.
fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/a")];
    for change in changes {
        match fields.iter_mut().find(|field| field.0 == change.0) {
            Some(field) => *field = *change,
            None => fields.push(*change),
        }
    }
    fields
}

#[tokio::test]
async fn what_would_be_read_in_two_ways_reaches_no_upstream() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().listening("http2").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let before = upstream.seen().len();
    for (case, changes) in [
        ("line feed in a value", [("x", "1\r\ny: 2")].as_slice()),
        ("a NUL in a value", &[("x", "1\0")]),
        ("a line feed in a name", &[("x\r\ny", "1")]),
        ("a space in a name", &[("x y", "1")]),
        ("a colon in a name", &[("x:y", "1")]),
        ("capitals in a name", &[("X-Mine", "1")]),
        ("no name", &[("", "1")]),
        ("white space before a value", &[("x", " 1")]),
        ("white space after a value", &[("x", "1\t")]),
        ("transfer-encoding", &[("transfer-encoding", "chunked")]),
        ("connection", &[("connection", "x")]),
        ("keep-alive", &[("keep-alive", "1")]),
        ("upgrade", &[("upgrade", "websocket")]),
        ("proxy-connection", &[("proxy-connection", "x")]),
        ("te other than trailers", &[("te", "gzip")]),
        ("a field like Content-Length", &[("content_length", "5")]),
        ("a field like Transfer-Encoding", &[("transfer_encoding", "chunked")]),
        ("a length without a body", &[("content-length", "5")]),
        ("a length that is none", &[("content-length", "+0")]),
        ("two lengths", &[("content-length", "0, 0")]),
        ("a space in the method", &[(":method", "GET / HTTP/1.1\r\nx:")]),
        ("an empty method", &[(":method", "")]),
        ("a space in the path", &[(":path", "/a HTTP/1.1\r\nx: y")]),
        ("a path without a slash", &[(":path", "a")]),
        ("an absolute path", &[(":path", "http://b/a")]),
        ("an empty path", &[(":path", "")]),
        ("a star for GET", &[(":path", "*")]),
        ("beyond ASCII", &[(":path", "/a\u{e9}")]),
        ("dots in disguise", &[(":path", "/a/x%2f..%2f..")]),
        ("another host", &[("host", "b")]),
        ("a user in the authority", &[(":authority", "u@a")]),
        ("a path in the authority", &[(":authority", "a/b")]),
        ("two hosts in the authority", &[(":authority", "a,b")]),
        ("an unknown pseudo field", &[(":other", "1")]),
        ("a status", &[(":status", "200")]),
        ("CONNECT", &[(":method", "CONNECT")]),
    ] {
        let status = judged(&gateway, &with(changes)).await?;
        assert!(matches!(status, None | Some(400)), "{case}: {status:?}");
    }
    let late = [("x", "1"), (":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/a")];
    assert_eq!(judged(&gateway, &late).await?, None, "pseudo fields behind others");
    let twice = [with(&[]), vec![(":path", "/b")]].concat();
    assert_eq!(judged(&gateway, &twice).await?, None, "a pseudo field twice");
    for missing in [":method", ":scheme", ":path"] {
        let fields: Vec<_> = with(&[]).into_iter().filter(|field| field.0 != missing).collect();
        assert_eq!(judged(&gateway, &fields).await?, None, "no {missing}");
    }
    let no_host: Vec<_> = with(&[]).into_iter().filter(|field| field.0 != ":authority").collect();
    assert_eq!(judged(&gateway, &no_host).await?, Some(400), "neither authority nor Host");
    assert_eq!(upstream.seen().len(), before, "none of them reached the upstream");
    assert_eq!(judged(&gateway, &with(&[("host", "A")])).await?, Some(200), "Host and authority agree");
    let host = [no_host, vec![("host", "a")]].concat();
    assert_eq!(judged(&gateway, &host).await?, Some(200), "Host in place of the authority");
    Ok(())
}

/// A head as HEADERS and CONTINUATION frames.
fn in_pieces(block: &[u8]) -> Vec<u8> {
    let last = block.chunks(16_000).count() - 1;
    let kind = |number: usize| if number == 0 { 1 } else { 9 };
    let flags = |number: usize| u8::from(number == 0) | (u8::from(number == last) << 2);
    block
        .chunks(16_000)
        .enumerate()
        .flat_map(|(number, piece)| frame(kind(number), flags(number), 1, piece))
        .collect()
}

#[tokio::test]
async fn heads_have_limits() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().listening("http2").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let before = upstream.seen().len();
    let many: Vec<_> = (0..120).map(|number| format!("x-{number}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let line = "x".repeat(40_000);
    let target = format!("/a?{}", "x".repeat(20_000));
    for (case, changes, want) in [
        ("many fields", many.as_slice(), 431),
        ("a long field", &[("x", line.as_str())], 431),
        ("a long target", &[(":path", target.as_str())], 414),
    ] {
        let mut framer = Framer::connect(gateway.proxy).await?;
        framer.bytes(&in_pieces(&literals(&with(changes)))).await?;
        let answer = framer.wait_for(LONG, |frame| frame.kind == 1 || frame.kind == 3).await;
        let status = answer.and_then(|frame| status(&frame.payload));
        assert_eq!(status.map(|status| status.as_u16()), Some(want), "{case}");
    }
    assert_eq!(upstream.seen().len(), before);
    Ok(())
}

#[tokio::test]
async fn floods_end_their_connection_and_nobody_elses() -> anyhow::Result<()> {
    let upstream = Upstream::taking(Duration::from_secs(1), |_| http::Response::default()).await?;
    let gateway = gateway().listening("http2").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let get = literals(&with(&[]));
    let odd = |number: u32| 2 * number + 1;
    let many = |count: u32, one: &dyn Fn(u32) -> Vec<u8>| (0..count).flat_map(one).collect::<Vec<u8>>();
    let huge = literals(&with(&[("x", &"y".repeat(10_000))]));
    let open = [frame(1, 4, 1, &literals(&with(&[(":method", "POST")])))].concat();
    for (case, flood) in [
        (
            "rapid reset",
            many(5_000, &|n| [frame(1, 5, odd(n), &get), frame(3, 0, odd(n), &[0, 0, 0, 8])].concat()),
        ),
        (
            "resets that the gateway is made to send",
            many(5_000, &|n| [frame(1, 4, odd(n), &get), frame(8, 0, odd(n), &[0; 4])].concat()),
        ),
        ("ping", many(5_000, &|_| frame(6, 0, 0, &[0; 8]))),
        ("settings", many(5_000, &|_| frame(4, 0, 0, &[]))),
        ("priority", many(5_000, &|_| frame(2, 0, 1, &[0, 0, 0, 3, 1]))),
        ("unknown frames", many(5_000, &|_| frame(0xee, 0, 0, &[]))),
        ("window updates", many(50_000, &|_| frame(8, 0, 0, &[0, 0, 0, 1]))),
        ("empty data", [open.clone(), many(5_000, &|_| frame(0, 0, 1, &[]))].concat()),
        ("padding", [open, many(5_000, &|_| frame(0, 8, 1, &[3, 0, 0, 0]))].concat()),
        ("empty continuations", [frame(1, 1, 1, &get), many(5_000, &|_| frame(9, 0, 1, &[]))].concat()),
        (
            "endless continuations",
            [frame(1, 1, 1, &get), many(2_000, &|_| frame(9, 0, 1, &huge[40..]))].concat(),
        ),
    ] {
        let mut framer = Framer::connect(gateway.proxy).await?;
        // Whether the flood is taken whole or not is of no matter.
        _ = tokio::time::timeout(LONG, framer.bytes(&flood)).await;
        assert!(framer.is_ended(LONG).await, "{case}");
        let mut other = Http2Client::connect(gateway.proxy).await?;
        assert_eq!(other.get("/nowhere", &[]).await?.status, 404, "others are served after {case}");
    }
    Ok(())
}
