//! The strict readers of heads, chunks and PROXY headers under fuzz: the same bytes in other pieces mean the same.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use gateway_tests::fuzz;
use tokio::io::{AsyncRead, ReadBuf};

use super::proxy_protocol::{self, Peek};
use super::strict::{HeadLimits, Malformed, Strict};
use super::strict_chunk::Chunked;
use super::strict_host::is_host;

const LIMITS: HeadLimits = HeadLimits { head: 4096, line: 256 };

const STREAMS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: b\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nx: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
];
const WORDS: &[&str] = &[
    "\r\n",
    "\r",
    "\n",
    "\r\n\r\n",
    "content-length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "0\r\n\r\n",
    "ffffffffffffffff",
    ";",
    " ",
    "\t",
];

/// What becomes of a stream that comes in pieces of `size`, none of whose requests has begun.
fn read(bytes: &[u8], size: usize) -> Vec<Result<(), Malformed>> {
    let mut strict = Strict::default();
    for piece in bytes.chunks(size) {
        if let Err(malformed) = strict.look(piece, 0, LIMITS) {
            return vec![Err(malformed)];
        }
    }
    (0..8).map(|number| strict.verdict(number)).collect()
}

#[test]
fn fuzz_streams_of_requests() {
    fuzz("requests", STREAMS, WORDS, |input| {
        let whole = read(input, usize::MAX);
        for size in [1, 2, 7] {
            assert_eq!(read(input, size), whole, "in pieces of {size}");
        }
    });
}

#[test]
fn fuzz_chunks() {
    let corpus: &[&[u8]] =
        &[b"3\r\nabc\r\n0\r\n\r\nrest", b"a;x=\"y\"\r\n0123456789\r\n0\r\nt: v\r\n\r\n", b"0\r\n\r\n"];
    fuzz("chunks", corpus, WORDS, |input| {
        let whole = Chunked::default().follow(input).map(|after| after.map(<[u8]>::len));
        let mut chunked = Chunked::default();
        let mut read = 0;
        let mut pieces = Ok(None);
        for piece in input.chunks(3) {
            read += piece.len();
            match chunked.follow(piece) {
                Ok(None) => {}
                Ok(Some(after)) => {
                    pieces = Ok(Some(input.len() - read + after.len()));
                    break;
                }
                Err(malformed) => {
                    pieces = Err(malformed);
                    break;
                }
            }
        }
        assert_eq!(pieces, whole);
    });
}

#[test]
fn fuzz_hosts() {
    let corpus: &[&[u8]] = &[b"example.com:80", b"[2001:db8::1]:8443", b"a_b.c", b"1.2.3.4"];
    fuzz("hosts", corpus, &[":", "[", "]", "@", "/", ",", "%", "::", "65536"], |input| {
        if is_host(input) {
            assert!(!input.iter().any(|byte| b"@/\\?#, ".contains(byte)), "nothing but a host and a port");
        }
    });
}

/// Bytes that come in pieces.
struct Pieces<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl Pieces<'_> {
    fn next(&self, room: usize) -> &[u8] {
        &self.bytes[..self.bytes.len().min(self.size).min(room)]
    }
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.next(buffer.remaining()).len();
        buffer.put_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Poll::Ready(Ok(()))
    }
}

impl Peek for Pieces<'_> {
    async fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let next = self.next(buffer.len());
        buffer[..next.len()].copy_from_slice(next);
        Ok(next.len())
    }
}

/// What is read of these bytes, and how many of them are taken.
fn header(bytes: &[u8], size: usize) -> Result<(Option<SocketAddr>, usize), String> {
    let mut pieces = Pieces { bytes, size };
    let mut reading = Box::pin(proxy_protocol::read(&mut pieces));
    let read = match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(read) => read,
        Poll::Pending => panic!("bytes that are there are not waited for"),
    };
    drop(reading);
    read.map(|named| (named, bytes.len() - pieces.bytes.len())).map_err(|error| error.to_string())
}

#[test]
fn fuzz_proxy_headers() {
    let corpus: &[&[u8]] = &[
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET /",
        b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\nGET /",
        b"PROXY UNKNOWN ffff::1 1\r\nGET /",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbbGET /",
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\x03\x03\0\0GET /",
    ];
    let words = &[
        "PROXY ",
        "TCP4 ",
        "TCP6",
        "UNKNOWN",
        "\r\n",
        "\n",
        " ",
        "::",
        "0",
        "65536",
        "\0\u{c}",
        "\u{21}\u{21}",
    ];
    fuzz("proxy headers", corpus, words, |input| {
        let whole = header(input, usize::MAX);
        for size in [1, 2, 13] {
            assert_eq!(header(input, size), whole, "in pieces of {size}");
        }
        let Ok((named, taken)) = whole else { return };
        let head = &input[..taken];
        if head.starts_with(b"PROXY ") {
            assert!(taken <= 107 && head.ends_with(b"\r\n"), "a line, and nothing behind it");
            assert_eq!(head.iter().filter(|byte| **byte == b'\n').count(), 1);
        } else {
            assert_eq!(taken, 16 + usize::from(u16::from_be_bytes([head[14], head[15]])));
        }
        if let Some(named) = named {
            assert!(!head.starts_with(b"PROXY UNKNOWN"), "nobody said {named}");
        }
    });
}
