//! The PROXY protocol, versions 1 and 2: a balancer in front says who its client is, before anything else.
//!
//! Read strictly by the specification of HAProxy, and not a byte further: what follows is the client's. A
//! listener that expects it accepts nothing without it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, its end included.
const LONGEST_LINE: usize = 107;

/// Bytes behind the head of version 2: addresses, and what else a balancer tells. The specification asks for
/// no more than 536 to be understood.
const LONGEST_BLOCK: usize = 4096;

/// Why a connection is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyHeaderError {
    /// The stream broke off.
    #[error("the stream ends within the PROXY header")]
    Stream(#[from] io::Error),
    /// It begins with something else.
    #[error("there is no PROXY header")]
    Missing,
    /// It breaks its grammar.
    #[error("malformed PROXY header: {0}")]
    Malformed(&'static str),
}

use ProxyHeaderError::Malformed;

/// A stream that can be looked at without taking anything from it. Tests put bytes in its place.
pub(super) trait Peek: AsyncRead + Unpin {
    /// Copies what is there, at least a byte of it, and leaves it; 0 is the end.
    fn peek(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>>;
}

impl Peek for TcpStream {
    async fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Self::peek(self, buffer).await
    }
}

/// Reads the header. `None` if the balancer speaks for itself, as when it looks whether we are alive.
///
/// # Errors
///
/// Any [`ProxyHeaderError`]; then the connection cannot be used.
pub(super) async fn read(stream: &mut impl Peek) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    // No header is shorter than this.
    let mut begin = [0; SIGNATURE.len()];
    stream.read_exact(&mut begin).await?;
    if &begin == SIGNATURE {
        return version_2(stream).await;
    }
    if !begin.starts_with(b"PROXY ") {
        return Err(ProxyHeaderError::Missing);
    }
    let line = rest_of_line(stream, begin.to_vec()).await?;
    version_1(&line)
}

/// Reads up to the line feed, which the line does not have.
async fn rest_of_line(stream: &mut impl Peek, mut line: Vec<u8>) -> Result<Vec<u8>, ProxyHeaderError> {
    loop {
        let mut ahead = [0; LONGEST_LINE];
        let free = ahead.get_mut(..LONGEST_LINE.saturating_sub(line.len())).unwrap_or_default();
        if free.is_empty() {
            return Err(Malformed("the line does not end"));
        }
        // What is looked at stays in the socket, so that nothing behind the line is taken.
        let seen = stream.peek(free).await?;
        if seen == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let seen = free.get(..seen).unwrap_or_default();
        let end = seen.iter().position(|byte| *byte == b'\n');
        let mut taken = vec![0; end.map_or(seen.len(), |end| end + 1)];
        stream.read_exact(&mut taken).await?;
        line.append(&mut taken);
        if end.is_some() {
            line.pop();
            return Ok(line);
        }
    }
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` and a carriage return.
fn version_1(line: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let line = line.strip_suffix(b"\r").ok_or(Malformed("no carriage return"))?;
    let line = std::str::from_utf8(line).ok().filter(|line| line.is_ascii());
    let line = line.ok_or(Malformed("not ASCII"))?;
    let mut words = line.split(' ').skip(1);
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        // Whatever follows is to be passed over.
        return Ok(None);
    }
    let (Some(source), Some(destination), Some(from), Some(to), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Malformed("not six words"));
    };
    let address = |text: &str| match family {
        "TCP4" => text.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| Malformed("not an IPv4 address")),
        "TCP6" => text.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| Malformed("not an IPv6 address")),
        _ => Err(Malformed("an unknown family")),
    };
    let source = address(source)?;
    address(destination)?;
    port(to)?;
    Ok(Some(SocketAddr::new(source.to_canonical(), port(from)?)))
}

/// A decimal number as such numbers are written.
fn port(text: &str) -> Result<u16, ProxyHeaderError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(Malformed("not a port"))
}

async fn version_2(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if command >> 4 != 2 {
        return Err(Malformed("not version 2"));
    }
    if length > LONGEST_BLOCK {
        return Err(Malformed("too long"));
    }
    let mut block = vec![0; length];
    stream.read_exact(&mut block).await?;
    match command & 15 {
        0 => Ok(None),
        1 => source(family, &block),
        _ => Err(Malformed("an unknown command")),
    }
}

/// The source of a stream of TCP; what is neither IPv4 nor IPv6 says nothing that could be used.
fn source(family: u8, block: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let short = || Malformed("too short for its addresses");
    match family {
        0x11 => {
            let (ip, rest) = block.split_first_chunk::<4>().ok_or_else(short)?;
            let port = rest.get(4..6).and_then(|port| port.first_chunk::<2>()).ok_or_else(short)?;
            check_length(block, 12)?;
            Ok(Some(SocketAddr::new(Ipv4Addr::from(*ip).into(), u16::from_be_bytes(*port))))
        }
        0x21 => {
            let (ip, rest) = block.split_first_chunk::<16>().ok_or_else(short)?;
            let port = rest.get(16..18).and_then(|port| port.first_chunk::<2>()).ok_or_else(short)?;
            check_length(block, 36)?;
            let ip = IpAddr::from(Ipv6Addr::from(*ip)).to_canonical();
            Ok(Some(SocketAddr::new(ip, u16::from_be_bytes(*port))))
        }
        0x00 | 0x31 => Ok(None),
        _ => Err(Malformed("a family that is no stream")),
    }
}

fn check_length(block: &[u8], least: usize) -> Result<(), ProxyHeaderError> {
    if block.len() < least { Err(Malformed("too short for its addresses")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// What is read of these bytes, sent in pieces of `size`, and what is left for the client.
    async fn read_from(bytes: &[u8], size: usize) -> (Result<Option<SocketAddr>, String>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let pieces: Vec<Vec<u8>> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        let sender = crate::task::spawn("sender", async move {
            let mut stream = TcpStream::connect(address).await.expect("connects");
            _ = stream.set_nodelay(true);
            for piece in pieces {
                _ = stream.write_all(&piece).await;
                tokio::task::yield_now().await;
            }
        });
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let found = read(&mut stream).await.map_err(|error| error.to_string());
        let mut rest = Vec::new();
        _ = stream.read_to_end(&mut rest).await;
        _ = sender.await;
        (found, rest)
    }

    /// The same comes out however the header is cut, and a request behind it stays whole.
    async fn check(header: &[u8], want: Option<SocketAddr>, case: &str) {
        let all = [header, b"GET / HTTP/1.1\r\n"].concat();
        for size in [1, 13, all.len()] {
            let (found, rest) = read_from(&all, size).await;
            assert_eq!(found, Ok(want), "{case}, in pieces of {size}");
            assert_eq!(rest, b"GET / HTTP/1.1\r\n", "{case}, in pieces of {size}");
        }
    }

    fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).expect("short").to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, block].concat()
    }

    #[tokio::test]
    async fn the_client_is_known_and_nothing_behind_the_header_is_taken() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 1, 0xbb];
        let mut v6 = [0; 36];
        v6[..2].copy_from_slice(&[0x20, 1]);
        v6[32..34].copy_from_slice(&[0, 80]);
        let with_more = [&v4[..], &[3, 0, 4, 1, 2, 3, 4]].concat();
        let one = Some("192.0.2.1:56324");
        for (case, header, want) in [
            ("version 1", b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(), one),
            ("IPv6", b"PROXY TCP6 2001::1 2001::2 1 65535\r\n".to_vec(), Some("[2001::1]:1")),
            ("unknown", b"PROXY UNKNOWN\r\n".to_vec(), None),
            ("unknown, with more", b"PROXY UNKNOWN ffff::1 ffff::1 1 2\r\n".to_vec(), None),
            ("version 2", version_2(0x21, 0x11, &v4), one),
            ("version 2, IPv6", version_2(0x21, 0x21, &v6), Some("[2001::]:80")),
            ("version 2, with more", version_2(0x21, 0x11, &with_more), one),
            ("local", version_2(0x20, 0, &[]), None),
            ("local, with more", version_2(0x20, 0x11, &v4), None),
            ("a Unix socket", version_2(0x21, 0x31, &[0; 216]), None),
            ("unspecified", version_2(0x21, 0, &[]), None),
        ] {
            let want = want.map(|want| want.parse().expect("an address"));
            check(&header, want, case).await;
        }
    }

    #[tokio::test]
    async fn whatever_else_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107));
        for (case, header, want) in [
            ("a request", b"GET / HTTP/1.1\r\n\r\n".to_vec(), "there is no"),
            ("small letters", b"proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n".to_vec(), "there is no"),
            ("half of it", b"PROXY TCP4 1.1.1.1".to_vec(), "the stream ends"),
            ("nothing", b"".to_vec(), "the stream ends"),
            ("no end", long.into_bytes(), "does not end"),
            ("a line feed alone", b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n".to_vec(), "no carriage return"),
            ("another family", b"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n".to_vec(), "unknown family"),
            ("IPv6 as IPv4", b"PROXY TCP4 ::1 ::1 1 1\r\n".to_vec(), "not an IPv4"),
            ("IPv4 as IPv6", b"PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n".to_vec(), "not an IPv6"),
            ("a bad destination", b"PROXY TCP4 1.1.1.1 x 1 1\r\n".to_vec(), "not an IPv4"),
            ("a zone", b"PROXY TCP6 fe80::1%1 ::1 1 1\r\n".to_vec(), "not an IPv6"),
            ("a port too high", b"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n".to_vec(), "not a port"),
            ("a port with a zero", b"PROXY TCP4 1.1.1.1 1.1.1.1 080 1\r\n".to_vec(), "not a port"),
            ("a port with a sign", b"PROXY TCP4 1.1.1.1 1.1.1.1 +80 1\r\n".to_vec(), "not a port"),
            ("a word too few", b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n".to_vec(), "not six words"),
            ("a word too many", b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n".to_vec(), "not six words"),
            ("two spaces", b"PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n".to_vec(), "not six words"),
            ("beyond ASCII", b"PROXY UNKNOWN \xff\xff\r\n".to_vec(), "not ASCII"),
            ("version 3", version_2(0x31, 0x11, &[0; 12]), "not version 2"),
            ("another command", version_2(0x22, 0x11, &[0; 12]), "unknown command"),
            ("too short", version_2(0x21, 0x11, &[0; 11]), "too short"),
            ("too short for IPv6", version_2(0x21, 0x21, &[0; 35]), "too short"),
            ("datagrams", version_2(0x21, 0x12, &[0; 12]), "no stream"),
            ("too long", version_2(0x21, 0x11, &[0; 5000]), "too long"),
        ] {
            let (found, _) = read_from(&header, header.len().max(1)).await;
            let error = found.expect_err(case);
            assert!(error.contains(want), "{case}: {error}");
        }
    }
}
