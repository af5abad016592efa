//! Sends a request: its head at once, its body as it comes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body::Body;
use tokio::io::AsyncWrite;

use crate::client::{ExchangeError, HeadWriter};

/// Bytes that are copied into the buffer, so that small chunks leave together.
const COPIED: usize = 4 * 1024;

/// How the body of a request is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    Chunked,
}

/// A request on its way out.
#[derive(Debug)]
pub(super) struct Upload<B> {
    /// Head, chunk sizes, and small pieces of the body.
    buffer: Vec<u8>,
    written: usize,
    /// A large piece of the body, which follows the buffer.
    piece: Bytes,
    /// The rest of the body; kept until something was written, to be given back if nothing can be.
    body: Option<B>,
    /// All of the body is in the buffer.
    ended: bool,
    framing: Framing,
    begun: bool,
    /// The stream keeps nothing back either.
    flushed: bool,
}

impl<B> Default for Upload<B> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            written: 0,
            piece: Bytes::new(),
            body: None,
            ended: true,
            framing: Framing::Length(0),
            begun: false,
            flushed: true,
        }
    }
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Puts a request in; nothing is written yet. `fields` writes the headers other than framing.
    pub(super) fn begin(
        &mut self,
        method: &Method,
        target: &str,
        fields: impl FnOnce(&mut HeadWriter<'_>),
        body: B,
    ) {
        self.buffer.clear();
        (self.written, self.begun, self.flushed) = (0, false, false);
        for part in [method.as_str(), " ", target, " HTTP/1.1\r\n"] {
            self.buffer.extend_from_slice(part.as_bytes());
        }
        let mut head = HeadWriter::lines(&mut self.buffer);
        fields(&mut head);
        let length = body.size_hint().exact();
        self.framing = length.map_or(Framing::Chunked, Framing::Length);
        match length {
            // RFC 9110 section 8.6: a length of 0 is only said where a body is usual.
            Some(0) if ![Method::POST, Method::PUT, Method::PATCH].contains(method) => {}
            Some(length) => {
                head.field(&header::CONTENT_LENGTH, itoa::Buffer::new().format(length).as_bytes());
            }
            None => head.field(&header::TRANSFER_ENCODING, b"chunked"),
        }
        self.buffer.extend_from_slice(b"\r\n");
        self.ended = length == Some(0) || body.is_end_stream();
        self.body = Some(body);
    }

    /// The body, if nothing of the request was written.
    pub(super) fn take_unsent(&mut self) -> Option<B> {
        if self.begun { None } else { self.body.take() }
    }

    /// Whether a byte of the request was written.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether all of the request was written.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.flushed
    }

    /// Sends no more: the other side does not want it.
    pub(super) fn give_up(&mut self) {
        (self.body, self.ended, self.flushed) = (None, true, true);
        self.piece = Bytes::new();
        self.buffer.clear();
        self.written = 0;
    }

    /// Writes what can be written. Ready when all of it is.
    pub(super) fn poll<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<Result<(), ExchangeError>> {
        if self.is_done() {
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(self.poll_write(cx, stream))?;
            let Some(body) = self.body.as_mut().filter(|_| !self.ended) else {
                self.body = None;
                ready!(Pin::new(stream).poll_flush(cx))?;
                self.flushed = true;
                return Poll::Ready(Ok(()));
            };
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.data(data)?,
                    Err(frame) => self.end(frame.into_trailers().ok().as_ref())?,
                },
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(ExchangeError::RequestBody(error.into())));
                }
                Poll::Ready(None) => self.end(None)?,
                Poll::Pending => {
                    // What a buffering stream holds must not wait for the next piece.
                    ready!(Pin::new(stream).poll_flush(cx))?;
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<io::Result<()>> {
        loop {
            let buffered = self.buffer.get(self.written..).unwrap_or_default();
            let polled = match (buffered.is_empty(), self.piece.is_empty()) {
                (true, true) => break,
                (false, true) => Pin::new(&mut *stream).poll_write(cx, buffered),
                (true, false) => Pin::new(&mut *stream).poll_write(cx, &self.piece),
                (false, false) => {
                    let both = [IoSlice::new(buffered), IoSlice::new(&self.piece)];
                    Pin::new(&mut *stream).poll_write_vectored(cx, &both)
                }
            };
            let count = ready!(polled)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.begun = true;
            let of_buffer = count.min(self.buffer.len() - self.written);
            self.written += of_buffer;
            self.piece.advance(count - of_buffer);
        }
        self.buffer.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Puts one piece of the body in.
    fn data(&mut self, data: Bytes) -> Result<(), ExchangeError> {
        if data.is_empty() {
            return Ok(());
        }
        match &mut self.framing {
            Framing::Length(left) => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .ok_or_else(|| broken("the request body is longer than announced"))?;
            }
            Framing::Chunked => self.buffer.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes()),
        }
        if data.len() <= COPIED {
            self.buffer.extend_from_slice(&data);
        } else {
            self.piece = data;
        }
        if self.framing == Framing::Chunked {
            self.after_chunk();
        }
        self.ended = self.framing == Framing::Length(0);
        Ok(())
    }

    /// The line end behind a chunk; a large piece comes after the buffer, so that its line end has to
    /// come with it.
    fn after_chunk(&mut self) {
        if self.piece.is_empty() {
            self.buffer.extend_from_slice(b"\r\n");
        } else {
            let mut whole = Vec::with_capacity(self.piece.len() + 2);
            whole.extend_from_slice(&self.piece);
            whole.extend_from_slice(b"\r\n");
            self.piece = whole.into();
        }
    }

    /// The body is over.
    fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), ExchangeError> {
        self.ended = true;
        match self.framing {
            Framing::Length(0) => {}
            Framing::Length(_) => return Err(broken("the request body is shorter than announced")),
            Framing::Chunked => {
                self.buffer.extend_from_slice(b"0\r\n");
                for (name, value) in trailers.into_iter().flatten().filter(|(name, _)| may_trail(name)) {
                    self.trailer(name, value);
                }
                self.buffer.extend_from_slice(b"\r\n");
            }
        }
        Ok(())
    }

    fn trailer(&mut self, name: &HeaderName, value: &HeaderValue) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            self.buffer.extend_from_slice(part);
        }
    }
}

fn broken(what: &'static str) -> ExchangeError {
    ExchangeError::RequestBody(what.into())
}

/// Fields that change how a message is read cannot come after it (RFC 9110 section 6.5.1).
fn may_trail(name: &HeaderName) -> bool {
    ![
        header::AUTHORIZATION,
        header::CONNECTION,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::COOKIE,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ]
    .contains(name)
}
