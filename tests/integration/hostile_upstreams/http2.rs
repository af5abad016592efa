//! Answers in HTTP/2, or in what should have been. The services speak gRPC, since Kong speaks HTTP/2 to no others.

use gateway_tests::Gateway;
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Outcome, ask, is_cut, refused};
use crate::setup::{PATIENCE, gateway};

enum Want {
    Refused,
    Late,
    Whole(u16, &'static str),
    Cut(u16),
}

use Want::{Cut, Late, Refused, Whole};

/// Frames after the head of a request has come; then whether the connection is closed.
type Row = (&'static str, Vec<u8>, bool, Want);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field as a literal that is not indexed (RFC 7541 section 6.2.2), with lengths of up to 32 KiB.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let mut out = Vec::new();
        match text.len() {
            short @ 0..=126 => out.push(u8::try_from(short).unwrap_or(0)),
            long => {
                let rest = long - 127;
                out.push(127);
                out.extend([
                    u8::try_from(rest & 127).unwrap_or(0) | 128,
                    u8::try_from(rest >> 7).unwrap_or(0),
                ]);
            }
        }
        out.extend_from_slice(text.as_bytes());
        out
    };
    [vec![0], text(name), text(value)].concat()
}

fn head(flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    frame(HEADERS, flags | END_HEADERS, 1, &block)
}

fn data(text: &str) -> Vec<u8> {
    frame(DATA, END_STREAM, 1, text.as_bytes())
}

const OK: (&str, &str) = (":status", "200");

fn heads() -> Vec<Row> {
    let answer = |fields: &[(&str, &str)]| [head(0, fields), data("ok")].concat();
    let row = |case, fields: &[(&str, &str)], want| (case, answer(fields), false, want);
    vec![
        row("an answer", &[OK], Whole(200, "ok")),
        row("a length", &[OK, ("content-length", "2")], Whole(200, "ok")),
        row("no status", &[("x", "y")], Refused),
        row("two statuses", &[OK, OK], Refused),
        row("status 101", &[(":status", "101")], Refused),
        row("status 99", &[(":status", "99")], Refused),
        row("letters for a status", &[(":status", "abc")], Refused),
        row("status 599", &[(":status", "599")], Whole(599, "ok")),
        row("a capital in a name", &[OK, ("X-a", "y")], Refused),
        row("a name that is no token", &[OK, ("x y", "z")], Refused),
        row("a line end in a value", &[OK, ("x", "a\r\nb: c")], Refused),
        row("a NUL in a value", &[OK, ("x", "a\0b")], Refused),
        row("Connection", &[OK, ("connection", "close")], Refused),
        row("Transfer-Encoding", &[OK, ("transfer-encoding", "chunked")], Refused),
        row("a status behind other fields", &[("x", "y"), OK], Refused),
        row("a field that nobody knows", &[OK, (":x", "y")], Refused),
        row("204 with a body", &[(":status", "204")], Whole(204, "")),
    ]
}

fn bodies() -> Vec<Row> {
    let trailing = |fields: &[(&str, &str)]| {
        [head(0, &[OK]), frame(DATA, 0, 1, b"ok"), head(END_STREAM, fields)].concat()
    };
    let reset = |reason: u8| frame(RST_STREAM, 0, 1, &[0, 0, 0, reason]);
    vec![
        ("no body", head(END_STREAM, &[OK]), false, Whole(200, "")),
        ("trailers", trailing(&[("x", "y")]), false, Whole(200, "ok")),
        ("a status among trailers", trailing(&[OK]), false, Whole(200, "ok")),
        ("data without a head", data("ok"), false, Refused),
        (
            "less than the length",
            [head(0, &[OK, ("content-length", "5")]), data("ok")].concat(),
            false,
            Cut(200),
        ),
        (
            "more than the length",
            [head(0, &[OK, ("content-length", "1")]), data("ok")].concat(),
            false,
            Cut(200),
        ),
        ("closed without an end", [head(0, &[OK]), frame(DATA, 0, 1, b"ok")].concat(), true, Cut(200)),
        ("reset in the body", [head(0, &[OK]), frame(DATA, 0, 1, b"ok"), reset(2)].concat(), false, Cut(200)),
        ("refused", reset(7), false, Refused),
        ("reset", reset(2), false, Refused),
    ]
}

fn frames() -> Vec<Row> {
    let answer = [head(0, &[OK]), data("ok")].concat();
    let then = |before: Vec<u8>| [before, answer.clone()].concat();
    let interim = |count: usize| then(head(0, &[(":status", "103")]).repeat(count));
    let long = "y".repeat(16_000);
    let block = field("x", &long);
    let begun = [frame(HEADERS, 0, 1, &field(":status", "200")), frame(CONTINUATION, 0, 1, &block)].concat();
    let endless = [begun, frame(CONTINUATION, 0, 1, &block).repeat(200)].concat();
    let large = [
        frame(HEADERS, 0, 1, &field(":status", "200")),
        frame(CONTINUATION, 0, 1, &block).repeat(4),
        frame(CONTINUATION, END_HEADERS, 1, &block),
        data("ok"),
    ]
    .concat();
    let promise = frame(PUSH_PROMISE, END_HEADERS, 1, &[vec![0, 0, 0, 2], field(":status", "200")].concat());
    vec![
        ("64 interim answers", interim(64), false, Whole(200, "ok")),
        ("65 interim answers", interim(65), false, Refused),
        ("a head without end", endless, false, Refused),
        ("a head of 80 KB", large, false, Refused),
        ("a promise", then(promise), false, Refused),
        ("a frame beyond the limit", then(frame(DATA, 0, 1, &[0; 20_000])), false, Refused),
        (
            "a head for another stream",
            then(frame(HEADERS, END_HEADERS, 3, &field(":status", "200"))),
            false,
            Refused,
        ),
        ("data for no stream", then(frame(DATA, 0, 0, b"x")), false, Refused),
        (
            "a window beyond its limit",
            then(frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
            false,
            Refused,
        ),
        (
            "a setting beyond its limit",
            then(frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff])),
            false,
            Refused,
        ),
        ("pings", then(frame(PING, 0, 0, &[0; 8]).repeat(1000)), false, Whole(200, "ok")),
        ("it goes away at once", frame(GOAWAY, 0, 0, &[0; 8]), true, Refused),
        ("it closes", Vec::new(), true, Refused),
        ("it says nothing", Vec::new(), false, Late),
        ("HTTP/1.1", b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec(), false, Refused),
    ]
}

#[tokio::test]
async fn every_answer_in_frames_has_one_outcome_and_reaches_nobody_else() -> anyhow::Result<()> {
    let rows: Vec<Row> = [heads(), bodies(), frames()].into_iter().flatten().collect();
    assert!(rows.len() >= 40, "{} rows", rows.len());
    let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
    for (number, (_, answer, closes, _)) in rows.iter().enumerate() {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        lead_to(&gateway, number, listener.local_addr()?.port()).await?;
        tokio::spawn(serve(listener, answer.clone(), *closes));
    }
    gateway.wait_for("the first is live", PATIENCE, "/0/", |answer| answer.status == 200).await?;
    let last = format!("/{}/", rows.len() - 1);
    gateway.wait_for("the last is live", PATIENCE, &last, |answer| answer.status == 502).await?;
    for (number, (case, _, _, want)) in rows.iter().enumerate() {
        let (outcome, head) = ask(&gateway, "GET", &format!("/{number}/"), b"").await?;
        match want {
            Refused => assert!(refused(&outcome), "{case}: {outcome:?}\n{head}"),
            Late => assert!(matches!(outcome, Outcome::Whole(504, _)), "{case}: {outcome:?}\n{head}"),
            Whole(status, body) => {
                assert_eq!(outcome, Outcome::Whole(*status, (*body).to_owned()), "{case}\n{head}");
            }
            // The end comes together with the beginning, and may be seen before anything was passed on.
            Cut(_) if *case == "closed without an end" && refused(&outcome) => {}
            Cut(status) => assert!(is_cut(&outcome, *status), "{case}: {outcome:?}\n{head}"),
        }
        let good = ask(&gateway, "GET", "/0/", b"").await?.0;
        assert_eq!(good, Outcome::Whole(200, "ok".to_owned()), "after {case}");
    }
    Ok(())
}

async fn lead_to(gateway: &Gateway, number: usize, port: u16) -> anyhow::Result<()> {
    let name = format!("hostile-{number}");
    let service =
        json!({ "protocol": "grpc", "host": "127.0.0.1", "port": port, "retries": 0, "read_timeout": 2000 });
    gateway.apply(Method::PUT, &format!("/services/{name}"), &service).await?;
    let route = json!({ "paths": [format!("/{number}/")], "service": { "name": name } });
    gateway.apply(Method::PUT, &format!("/routes/{name}"), &route).await?;
    Ok(())
}

async fn serve(listener: TcpListener, answer: Vec<u8>, closes: bool) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, answer.clone(), closes));
    }
}

/// The frames of stream 1, for another one.
fn on(stream: u32, answer: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), answer);
    while let [a, b, c, kind, flags, of @ ..] = rest {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap_or(usize::MAX);
        let Some((header, payload)) = of.split_first_chunk::<4>().filter(|(_, rest)| rest.len() >= length)
        else {
            break;
        };
        let (payload, after) = payload.split_at(length);
        let own = u32::from_be_bytes(*header);
        out.extend(frame(*kind, *flags, if own == 1 { stream } else { own }, payload));
        rest = after;
    }
    // What is no frame goes as it is.
    out.extend_from_slice(rest);
    out
}

/// Waits for the head of a request, then says its piece.
async fn converse(mut stream: TcpStream, answer: Vec<u8>, closes: bool) {
    let mut preface = [0; 24];
    if stream.read_exact(&mut preface).await.is_err() {
        return;
    }
    _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
    let mut header = [0; 9];
    while stream.read_exact(&mut header).await.is_ok() {
        let [a, b, c, kind, flags, ..] = header;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).unwrap_or(0)];
        if stream.read_exact(&mut payload).await.is_err() {
            return;
        }
        match (kind, flags) {
            (SETTINGS, 0) => _ = stream.write_all(&frame(SETTINGS, 1, 0, &[])).await,
            (HEADERS, _) => {
                let stream_id = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
                _ = stream.write_all(&on(stream_id, &answer)).await;
                if closes {
                    return;
                }
            }
            _ => {}
        }
    }
}
