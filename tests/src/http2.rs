//! HTTP/2 from the client's side: a well-behaved one of hyper's, and one that writes frames as it likes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Answer;

/// A body of a request, with or without trailers.
pub type Upload = BoxBody<Bytes, Infallible>;

/// A connection that takes requests at the same time. A clone shares it.
#[derive(Clone)]
pub struct Http2Client {
    sender: SendRequest<Upload>,
    base: String,
}

impl Http2Client {
    /// Connects, and speaks HTTP/2 from the first byte on.
    ///
    /// # Errors
    ///
    /// If nobody listens there or no HTTP/2 is spoken.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        Self::over(stream, &format!("http://{address}")).await
    }

    /// Speaks HTTP/2 on a stream that is there; `base` is scheme and authority.
    ///
    /// # Errors
    ///
    /// If the other side does not.
    pub async fn over<S>(stream: S, base: &str) -> anyhow::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(async move { _ = connection.await });
        Ok(Self { sender, base: base.to_owned() })
    }

    /// Sends one request and reads the whole answer, and its trailers.
    ///
    /// # Errors
    ///
    /// If the stream or the connection breaks.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Upload,
    ) -> anyhow::Result<(Answer, Option<HeaderMap>)> {
        let mut builder = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(builder.body(body)?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned();
        Ok((Answer { status: head.status, headers: head.headers, body: body.to_bytes() }, trailers))
    }

    /// GET with headers.
    ///
    /// # Errors
    ///
    /// As [`Http2Client::send`].
    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, headers, upload("")).await.map(|(answer, _)| answer)
    }
}

/// A body that is there as a whole.
pub fn upload(body: impl Into<Bytes>) -> Upload {
    Full::new(body.into()).boxed()
}

/// A body whose length is not told in advance, and its trailers.
pub fn unannounced(body: impl Into<Bytes>, trailers: HeaderMap) -> Upload {
    Pieces(VecDeque::from([body::Frame::data(body.into()), body::Frame::trailers(trailers)])).boxed()
}

/// A body that says nothing about itself.
struct Pieces(VecDeque<body::Frame<Bytes>>);

impl body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<body::Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

/// One frame as it came: kind, flags, stream, payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 9113 section 4.1 names them")]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A client that writes frames, and is bound by nothing.
pub struct Framer<S = TcpStream> {
    stream: S,
}

impl Framer {
    /// Connects, and sends the preface and empty SETTINGS.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await?;
        Ok(Self { stream })
    }

    /// Sends one frame.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(&frame(kind, flags, stream, payload)).await?)
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub async fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// The next frame; `None` if the connection ends, or nothing comes within `limit`.
    pub async fn next(&mut self, limit: Duration) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.ok()?;
            let [a, b, c, kind, flags, d, e, f, g] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.stream.read_exact(&mut payload).await.ok()?;
            Some(Frame { kind, flags, stream: u32::from_be_bytes([d, e, f, g]), payload })
        };
        tokio::time::timeout(limit, read).await.ok().flatten()
    }

    /// Reads until a frame is as wanted.
    pub async fn wait_for(&mut self, limit: Duration, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        while let Some(frame) = self.next(limit).await {
            if wanted(&frame) {
                return Some(frame);
            }
        }
        None
    }

    /// Whether the gateway ends the connection within `limit`; frames until then are passed over.
    pub async fn is_ended(&mut self, limit: Duration) -> bool {
        let mut rest = vec![0; 4096];
        let read = async { while self.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {} };
        tokio::time::timeout(limit, read).await.is_ok()
    }
}

/// One frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let [_, a, b, c] = length;
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// Header fields as HPACK literals that enter no table (RFC 7541 section 6.2.2): whatever the bytes.
pub fn literals(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn length(block: &mut Vec<u8>, mut length: usize) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap_or_default());
        return;
    }
    block.push(127);
    length -= 127;
    while length >= 128 {
        block.push(u8::try_from(length % 128).unwrap_or_default() | 128);
        length /= 128;
    }
    block.push(u8::try_from(length).unwrap_or_default());
}

/// The status in a block of header fields as the gateway writes them: indexed, or a literal of three digits.
pub fn status(block: &[u8]) -> Option<StatusCode> {
    let indexed = [200_u16, 204, 206, 304, 400, 404, 500];
    let at = block.iter().position(|byte| (*byte & 0xe0) != 0x20)?;
    let block = block.get(at..)?;
    let code = match *block.first()? {
        byte @ 0x88..=0x8e => *indexed.get(usize::from(byte - 0x88))?,
        _ => huffman_digits(block.get(2..)?, *block.get(1)?)?,
    };
    StatusCode::from_u16(code).ok()
}

/// Three digits, plain or by the Huffman code of HPACK (RFC 7541 appendix B: `0` to `2` have five bits, the
/// others six).
fn huffman_digits(text: &[u8], length: u8) -> Option<u16> {
    if length & 0x80 == 0 {
        return std::str::from_utf8(text.get(..usize::from(length))?).ok()?.parse().ok();
    }
    let bits: u32 =
        text.get(..usize::from(length & 0x7f))?.iter().fold(0, |all, byte| (all << 8) | u32::from(*byte));
    let mut left = u32::from(length & 0x7f) * 8;
    let mut number = 0;
    for _ in 0..3 {
        let five = (bits >> (left - 5)) & 31;
        let digit = if five <= 2 {
            left -= 5;
            five
        } else {
            left -= 6;
            ((bits >> left) & 63).checked_sub(0x19)? + 3
        };
        number = number * 10 + u16::try_from(digit).ok()?;
    }
    Some(number)
}
