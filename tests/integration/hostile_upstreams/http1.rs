//! Answers in HTTP/1.1, or in what should have been.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Outcome, ask, is_cut, lead_to, refused};
use crate::setup::gateway;

/// What is to come of an answer.
enum Want {
    Refused,
    Whole(u16, &'static str),
    Cut(u16),
}

use Want::{Cut, Refused, Whole};

/// How the upstream ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Keeps,
    Closes,
}

use End::{Closes, Keeps};

type Row = (&'static str, &'static str, Vec<u8>, End, Want);

fn row(case: &'static str, answer: impl AsRef<[u8]>, end: End, want: Want) -> Row {
    (case, "GET", answer.as_ref().to_vec(), end, want)
}

/// An answer of 200 with these header lines and this body.
fn ok(lines: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n{body}").into_bytes()
}

fn status_lines() -> Vec<Row> {
    let line = |line: &str| format!("{line}\r\ncontent-length: 2\r\n\r\nok");
    vec![
        row("HTTP/0.9", "<html>hi</html>", Closes, Refused),
        row("bytes", b"\0\x01\x02\xff\xfe\r\n\r\n", Closes, Refused),
        row("nothing", "", Closes, Refused),
        row("half a head", "HTTP/1.1 200 OK\r\nx: y\r\n", Closes, Refused),
        row("no reason", line("HTTP/1.1 200"), Keeps, Whole(200, "ok")),
        row("an empty reason", line("HTTP/1.1 200 "), Keeps, Whole(200, "ok")),
        row("a long reason", line(&format!("HTTP/1.1 200 {}", "a".repeat(9000))), Keeps, Whole(200, "ok")),
        row("a reason with a NUL", line("HTTP/1.1 200 O\0K"), Keeps, Refused),
        row("a reason with a lone CR", line("HTTP/1.1 200 O\rK"), Keeps, Refused),
        row("status 000", line("HTTP/1.1 000 OK"), Keeps, Refused),
        row("status 099", line("HTTP/1.1 099 OK"), Keeps, Refused),
        row("status 99", line("HTTP/1.1 99 OK"), Keeps, Refused),
        row("status 1000", line("HTTP/1.1 1000 OK"), Keeps, Refused),
        row("a negative status", line("HTTP/1.1 -200 OK"), Keeps, Refused),
        row("letters for a status", line("HTTP/1.1 2x0 OK"), Keeps, Refused),
        row("status 599", line("HTTP/1.1 599 Odd"), Keeps, Whole(599, "ok")),
        row("status 999", line("HTTP/1.1 999 Odd"), Keeps, Whole(999, "ok")),
        row("two spaces", line("HTTP/1.1  200 OK"), Keeps, Refused),
        row("lower case", line("http/1.1 200 OK"), Keeps, Refused),
        row("HTTP/2.0", line("HTTP/2.0 200 OK"), Keeps, Refused),
        row("HTTP/1.2", line("HTTP/1.2 200 OK"), Keeps, Refused),
        row("another protocol", line("ICY 200 OK"), Keeps, Refused),
    ]
}

fn headers() -> Vec<Row> {
    let with = |line: &str| ok(&format!("content-length: 2\r\n{line}\r\n"), "ok");
    let many = |count: usize| "x: y\r\n".repeat(count);
    vec![
        row("a NUL in a value", with("x: a\0b"), Keeps, Refused),
        row("a lone CR in a value", with("x: a\rb: c"), Keeps, Refused),
        row("a space before the colon", with("x : y"), Keeps, Refused),
        row("a folded line", with("x: y\r\n z"), Keeps, Refused),
        row("a folded first line", ok(" x: y\r\ncontent-length: 2\r\n", "ok"), Keeps, Refused),
        row("no colon", with("xy"), Keeps, Refused),
        row("no name", with(": y"), Keeps, Refused),
        row("a name that is no token", with("x(y): z"), Keeps, Refused),
        row("a name with a NUL", with("x\0: z"), Keeps, Refused),
        row("Latin-1 in a value", with("x: \u{e9}"), Keeps, Whole(200, "ok")),
        row("line feeds alone", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok", Keeps, Whole(200, "ok")),
        row("200 lines", with(many(200).trim_end()), Keeps, Whole(200, "ok")),
        row("257 lines", with(many(257).trim_end()), Keeps, Refused),
        row("a value of 60 KiB", with(&format!("x: {}", "y".repeat(60 << 10))), Keeps, Whole(200, "ok")),
        row("a value of 70 KiB", with(&format!("x: {}", "y".repeat(70 << 10))), Keeps, Refused),
        row(
            "a head without end",
            format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(20_000)),
            Keeps,
            Refused,
        ),
    ]
}

fn lengths() -> Vec<Row> {
    let length = |text: &str| ok(&format!("content-length: {text}\r\n"), "ok");
    let coded = |text: &str| ok(&format!("transfer-encoding: {text}\r\n"), "2\r\nok\r\n0\r\n\r\n");
    vec![
        row("two lengths", ok("content-length: 2\r\ncontent-length: 3\r\n", "ok"), Keeps, Refused),
        row("a list of lengths", length("2, 2"), Keeps, Refused),
        row("a sign", length("+2"), Keeps, Refused),
        row("a negative length", length("-2"), Keeps, Refused),
        row("a hexadecimal length", length("0x2"), Keeps, Refused),
        row("a fraction", length("2.0"), Keeps, Refused),
        row("an empty length", length(""), Keeps, Refused),
        row("a length beyond all numbers", length("99999999999999999999"), Keeps, Refused),
        row(
            "length and chunks",
            ok("content-length: 2\r\ntransfer-encoding: chunked\r\n", "2\r\nok\r\n0\r\n\r\n"),
            Keeps,
            Refused,
        ),
        row(
            "chunks and length",
            ok("transfer-encoding: chunked\r\ncontent-length: 2\r\n", "2\r\nok\r\n0\r\n\r\n"),
            Keeps,
            Refused,
        ),
        row("gzip, chunked", coded("gzip, chunked"), Keeps, Refused),
        row("chunked twice", coded("chunked, chunked"), Keeps, Refused),
        row("identity", coded("identity"), Keeps, Refused),
        row("xchunked", coded("xchunked"), Keeps, Refused),
        row("a tab before chunked", coded("\tchunked"), Keeps, Whole(200, "ok")),
        row(
            "chunks in HTTP/1.0",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            Closes,
            Refused,
        ),
        row("less than the length", ok("content-length: 5\r\n", "ok"), Closes, Cut(200)),
        row(
            "more than the length",
            ok("content-length: 2\r\n", "okHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
            Keeps,
            Whole(200, "ok"),
        ),
        row("until it closes", ok("", "ok"), Closes, Whole(200, "ok")),
        row("HTTP/1.0 until it closes", "HTTP/1.0 200 OK\r\n\r\nok", Closes, Whole(200, "ok")),
    ]
}

fn chunked() -> Vec<Row> {
    let body = |body: &str| ok("transfer-encoding: chunked\r\n", body);
    let long = format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(5000));
    let trailers = format!("2\r\nok\r\n0\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    vec![
        row("no number", body("zz\r\nok\r\n0\r\n\r\n"), Keeps, Cut(200)),
        row("a number beyond all", body("fffffffffffffffff\r\nok"), Keeps, Cut(200)),
        row("a negative number", body("-2\r\nok\r\n0\r\n\r\n"), Keeps, Cut(200)),
        row("0x", body("0x2\r\nok\r\n0\r\n\r\n"), Keeps, Cut(200)),
        row("no line end after data", body("2\r\nokk\r\n0\r\n\r\n"), Keeps, Cut(200)),
        row("a lone line feed", body("2\nok\r\n0\r\n\r\n"), Keeps, Cut(200)),
        row("a long extension", body(&long), Keeps, Cut(200)),
        row("cut in a chunk", body("5\r\nok"), Closes, Cut(200)),
        row("no last chunk", body("2\r\nok\r\n"), Closes, Cut(200)),
        row("cut in the trailers", body("2\r\nok\r\n0\r\nx: y\r\n"), Closes, Cut(200)),
        row("trailers of 20 KB", body(&trailers), Keeps, Cut(200)),
        row("a trailer that is none", body("2\r\nok\r\n0\r\nxy\r\n\r\n"), Keeps, Cut(200)),
        row(
            "trailers that frame",
            body("2\r\nok\r\n0\r\ncontent-length: 9\r\ntransfer-encoding: x\r\n\r\n"),
            Keeps,
            Whole(200, "ok"),
        ),
        row(
            "an answer behind the last chunk",
            body("2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
            Keeps,
            Whole(200, "ok"),
        ),
    ]
}

fn interim() -> Vec<Row> {
    let with = |before: &str| [before.as_bytes(), &ok("content-length: 2\r\n", "ok")].concat();
    let of = |count: usize| "HTTP/1.1 102 Processing\r\n\r\n".repeat(count);
    vec![
        row("one interim answer", with("HTTP/1.1 100 Continue\r\n\r\n"), Keeps, Whole(200, "ok")),
        row("a hint", with("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"), Keeps, Whole(200, "ok")),
        row(
            "an interim answer with a length",
            with("HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n"),
            Keeps,
            Whole(200, "ok"),
        ),
        row("64 interim answers", with(&of(64)), Keeps, Whole(200, "ok")),
        row("65 interim answers", with(&of(65)), Keeps, Refused),
        row("interim answers and no end", of(5000), Keeps, Refused),
        row(
            "101 unasked",
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
            Keeps,
            Refused,
        ),
    ]
}

fn bodiless() -> Vec<Row> {
    let head = |answer: &[u8]| answer.to_vec();
    vec![
        row(
            "204 with a body",
            "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nevil",
            Keeps,
            Whole(204, ""),
        ),
        row(
            "204 with chunks",
            "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
            Keeps,
            Whole(204, ""),
        ),
        row(
            "304 with a body",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil",
            Keeps,
            Whole(304, ""),
        ),
        ("HEAD with a body", "HEAD", head(&ok("content-length: 4\r\n", "evil")), Keeps, Whole(200, "")),
        ("HEAD with a length", "HEAD", head(&ok("content-length: 4\r\n", "")), Keeps, Whole(200, "")),
        (
            "HEAD with chunks",
            "HEAD",
            head(&ok("transfer-encoding: chunked\r\n", "4\r\nevil\r\n0\r\n\r\n")),
            Keeps,
            Whole(200, ""),
        ),
        row(
            "hop-by-hop headers",
            ok("connection: x-hop\r\nx-hop: 1\r\nkeep-alive: a\r\nupgrade: b\r\ncontent-length: 2\r\n", "ok"),
            Keeps,
            Whole(200, "ok"),
        ),
    ]
}

#[tokio::test]
async fn every_answer_has_one_outcome_and_reaches_nobody_else() -> anyhow::Result<()> {
    let rows: Vec<Row> = [status_lines(), headers(), lengths(), chunked(), interim(), bodiless()]
        .into_iter()
        .flatten()
        .collect();
    assert!(rows.len() >= 75, "{} rows", rows.len());
    let rows = Arc::new(rows);
    let port = start(Arc::clone(&rows)).await?;
    let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
    lead_to(&gateway, "http", port).await?;
    for (number, (case, method, _, _, want)) in rows.iter().enumerate() {
        let (outcome, head) = ask(&gateway, method, &format!("/{number}"), b"").await?;
        match want {
            Refused => assert!(refused(&outcome), "{case}: {outcome:?}\n{head}"),
            Whole(status, body) => {
                assert_eq!(outcome, Outcome::Whole(*status, (*body).to_owned()), "{case}\n{head}");
            }
            Cut(status) => assert!(is_cut(&outcome, *status), "{case}: {outcome:?}\n{head}"),
        }
        let hop = ["x-hop", "keep-alive:", "upgrade:", "evil"];
        assert!(!hop.iter().any(|name| head.to_ascii_lowercase().contains(name)), "{case}: {head}");
        let good = ask(&gateway, "GET", "/good", b"").await?.0;
        assert_eq!(good, Outcome::Whole(200, "good".to_owned()), "after {case}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_taken_reaches_the_client() -> anyhow::Result<()> {
    let early = "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
    for end in [Keeps, Closes] {
        let rows = Arc::new(vec![row("early", early, end, Whole(413, "no"))]);
        let port = start(rows).await?;
        let gateway = gateway().start().await?;
        lead_to(&gateway, "http", port).await?;
        let body = vec![b'x'; 4 << 20];
        let (outcome, head) = ask(&gateway, "POST", "/0", &body).await?;
        assert_eq!(outcome, Outcome::Whole(413, "no".to_owned()), "{head}");
    }
    Ok(())
}

/// An upstream that says to `/n` what row `n` has, and something good to `/good`.
async fn start(rows: Arc<Vec<Row>>) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&rows)));
        }
    });
    Ok(port)
}

async fn converse(mut stream: TcpStream, rows: Arc<Vec<Row>>) {
    let mut read = Vec::new();
    loop {
        while !read.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let target = String::from_utf8_lossy(&read);
        let target = target.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        read.clear();
        let row = target.parse::<usize>().ok().and_then(|number| rows.get(number));
        let Some((_, _, answer, end, _)) = row else {
            _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood").await;
            continue;
        };
        _ = stream.write_all(answer).await;
        if *end == Closes {
            return;
        }
    }
}
