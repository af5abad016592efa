//! The strict readers of heads and chunks under fuzz: the same bytes in other pieces mean the same.

use gateway_tests::fuzz;

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
