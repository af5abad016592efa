//! Whole exchanges over real sockets, with a scripted other side.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Connection;
use crate::client::ExchangeError;
use crate::client::stream::Stream;

/// A body in pieces, with or without a known length.
#[derive(Default)]
struct Pieces {
    frames: VecDeque<Frame<Bytes>>,
    length: Option<u64>,
}

impl Pieces {
    fn none() -> Self {
        Self { length: Some(0), ..Self::default() }
    }

    fn of(pieces: &[&str], length: Option<u64>) -> Self {
        let data = |piece: &&str| Frame::data(Bytes::copy_from_slice(piece.as_bytes()));
        Self { frames: pieces.iter().map(data).collect(), length }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.frames.pop_front().map(Ok))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

async fn pair() -> (Connection<Pieces>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    (Connection::new(Stream::Plain(ours.unwrap()), address), theirs.unwrap().0)
}

fn begin(connection: &mut Connection<Pieces>, method: &Method, body: Pieces) {
    connection.begin(method, "/a?b", |head| head.field(&header::HOST, b"x"), body);
}

/// The answer to a GET, its body and its trailers.
async fn answer(
    connection: &mut Connection<Pieces>,
) -> Result<(u16, HeaderMap, String, HeaderMap), ExchangeError> {
    let head = poll_fn(|cx| connection.poll_response(cx)).await?;
    let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = poll_fn(|cx| connection.poll_frame(cx)).await {
        match frame?.into_data() {
            Ok(data) => body.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    Ok((head.status.as_u16(), head.headers, String::from_utf8(body).unwrap(), trailers))
}

/// What a GET gets when the other side says this and, perhaps, closes.
async fn said(bytes: &str, closes: bool) -> (Result<(u16, String), ExchangeError>, bool) {
    let (mut connection, mut theirs) = pair().await;
    begin(&mut connection, &Method::GET, Pieces::none());
    theirs.write_all(bytes.as_bytes()).await.unwrap();
    let held = Some(theirs).filter(|_| !closes);
    let answered = answer(&mut connection).await.map(|(status, _, body, _)| (status, body));
    drop(held);
    (answered, connection.is_reusable())
}

#[tokio::test]
async fn an_answer_has_one_end_and_leaves_the_connection_usable_or_not() {
    let many = format!("{}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 103 x\r\n\r\n".repeat(65));
    for (case, bytes, closes, want, reusable) in [
        ("length", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", false, Some((200, "hi")), true),
        (
            "close",
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi",
            false,
            Some((200, "hi")),
            false,
        ),
        ("until the end", "HTTP/1.1 200 OK\r\n\r\nhi", true, Some((200, "hi")), false),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", false, Some((200, "hi")), false),
        (
            "chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            false,
            Some((200, "hi")),
            true,
        ),
        ("204", "HTTP/1.1 204 No Content\r\n\r\n", false, Some((204, "")), true),
        (
            "interim",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            false,
            Some((200, "")),
            true,
        ),
        ("interim without end", &many, false, None, false),
        ("switches unasked", "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", false, None, false),
        (
            "more than announced",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi!",
            false,
            Some((200, "hi")),
            false,
        ),
        ("cut off in the head", "HTTP/1.1 200 OK\r\ncontent-le", true, None, false),
        ("cut off in the body", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi", true, None, false),
        (
            "cut off in a chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhi",
            true,
            None,
            false,
        ),
        ("closed at once", "", true, None, false),
    ] {
        let (answered, usable) = said(bytes, closes).await;
        let want = want.map(|(status, body)| (status, body.to_owned()));
        assert_eq!(answered.as_ref().ok(), want.as_ref(), "{case}: {answered:?}");
        if want.is_some() {
            assert_eq!(usable, reusable, "{case}");
        }
    }
}

#[tokio::test]
async fn trailers_come_through_both_ways() {
    let (mut connection, mut theirs) = pair().await;
    let mut body = Pieces::of(&["abc", &"d".repeat(5000)], None);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("1"));
    trailers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("7"));
    body.frames.push_back(Frame::trailers(trailers));
    begin(&mut connection, &Method::POST, body);
    let reply = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-t: 2\r\n\r\n";
    let other = async {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") || read.len() < 5000 {
            theirs.read_buf(&mut read).await.unwrap();
        }
        theirs.write_all(reply.as_bytes()).await.unwrap();
        String::from_utf8(read).unwrap()
    };
    let (answered, read) = tokio::join!(answer(&mut connection), other);
    let sent = format!(
        "POST /a?b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1388\r\n{}\r\n0\r\nx-sum: 1\r\n\r\n",
        "d".repeat(5000)
    );
    assert_eq!(read, sent, "framing fields do not trail");
    let (_, _, _, trailers) = answered.unwrap();
    assert_eq!(trailers.get("x-t").map(HeaderValue::as_bytes), Some(&b"2"[..]));
    assert!(connection.is_reusable());
}

#[tokio::test]
async fn a_body_is_as_long_as_announced_or_breaks_off() {
    for (case, pieces, length, good) in [
        ("exact", &["ab", "c"][..], 3, true),
        ("shorter", &["ab"], 3, false),
        ("longer", &["ab", "cd"], 3, false),
    ] {
        let (mut connection, mut theirs) = pair().await;
        begin(&mut connection, &Method::PUT, Pieces::of(pieces, Some(length)));
        theirs.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let answered = answer(&mut connection).await;
        assert_eq!(answered.is_ok(), good, "{case}: {answered:?}");
        if good {
            let mut read = [0; 256];
            let count = theirs.read(&mut read).await.unwrap();
            assert!(read[..count].ends_with(b"content-length: 3\r\n\r\nabc"), "{case}");
        }
    }
}

#[tokio::test]
async fn an_early_answer_is_read_though_the_request_is_not_taken() {
    let (mut connection, mut theirs) = pair().await;
    let large = "x".repeat(4 << 20);
    begin(&mut connection, &Method::POST, Pieces::of(&[&large], Some(large.len() as u64)));
    theirs.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
    let (status, _, body, _) = answer(&mut connection).await.unwrap();
    assert_eq!((status, body.as_str()), (413, "no"));
    assert!(!connection.is_reusable(), "the rest of the request was not sent");
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_not_quiet() {
    let (mut connection, theirs) = pair().await;
    assert!(connection.is_quiet());
    drop(theirs);
    let closed = poll_fn(|cx| {
        if connection.is_quiet() {
            cx.waker().wake_by_ref();
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    });
    tokio::time::timeout(std::time::Duration::from_secs(10), closed).await.unwrap();
}

#[tokio::test]
async fn a_head_request_gets_the_length_and_no_body() {
    let (mut connection, mut theirs) = pair().await;
    begin(&mut connection, &Method::HEAD, Pieces::none());
    theirs.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n").await.unwrap();
    let (_, headers, body, _) = answer(&mut connection).await.unwrap();
    assert_eq!(headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes), Some(&b"7"[..]));
    assert!(body.is_empty() && connection.is_reusable());
}
