//! One connection, and the exchange that is under way on it.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::Upgraded;
use super::chunked::{Chunked, Part};
use super::framing::{self, Framing};
use super::response::{self, Head};
use super::upload::Upload;
use crate::client::stream::Stream;
use crate::client::{ExchangeError, HeadWriter, ResponseHead};

/// Room for a read: a head and the beginning of a body.
const READ: usize = 8 * 1024;
/// Room for a read in the middle of a large body.
const LARGE_READ: usize = 64 * 1024;
/// Interim responses before the final one; an upstream that sends more never ends.
const MAX_INTERIM: u32 = 64;

/// One connection, which carries one exchange at a time; `B` is the body of requests.
///
/// [`Connection::begin`], then [`Connection::poll_response`] until it is ready, then
/// [`Connection::poll_frame`] to the end. After an error it is of no use.
pub(in crate::client) struct Connection<B> {
    stream: Stream,
    address: SocketAddr,
    requests: u64,
    input: BytesMut,
    /// Bytes of `input` that are known to hold no end of a head.
    scanned: usize,
    upload: Upload<B>,
    incoming: Incoming,
    persists: bool,
    /// The request asks for another protocol, so that a 101 is an answer to it.
    upgrades: bool,
}

/// What is awaited from the other side.
#[derive(Debug)]
enum Incoming {
    /// Nothing: no exchange is under way, or it is over.
    Nothing,
    Head {
        for_head: bool,
        interim: u32,
    },
    Length(u64),
    Chunked(Box<Chunked>),
    Close,
}

impl<B> Connection<B> {
    pub(in crate::client) fn new(stream: Stream, address: SocketAddr) -> Self {
        Self {
            stream,
            address,
            requests: 0,
            input: BytesMut::new(),
            scanned: 0,
            upload: Upload::default(),
            incoming: Incoming::Nothing,
            persists: true,
            upgrades: false,
        }
    }

    /// Where it goes.
    pub(in crate::client) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests that it has carried.
    pub(in crate::client) fn requests(&self) -> u64 {
        self.requests
    }

    /// The request that was put in asks for another protocol: the answer may be 101, with which the
    /// connection stops speaking HTTP.
    pub(in crate::client) fn may_upgrade(&mut self) {
        self.upgrades = true;
    }

    /// What is left after a 101.
    pub(in crate::client) fn into_upgraded(self) -> Upgraded {
        Upgraded::new(self.input, self.stream)
    }

    /// Whether a byte of the response was read.
    pub(in crate::client) fn has_answered(&self) -> bool {
        !self.input.is_empty()
    }

    /// Whether a read finds nothing: an idle connection that has something to say is about to close.
    /// Costs a system call only if something came in.
    pub(in crate::client) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        self.input.is_empty()
            && Pin::new(&mut self.stream).poll_read(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }
}

impl<B> Connection<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Puts a request in. `fields` writes the headers; framing is added from the body's length.
    pub(in crate::client) fn begin(
        &mut self,
        method: &Method,
        target: &str,
        fields: impl FnOnce(&mut HeadWriter<'_>),
        body: B,
    ) {
        self.requests += 1;
        self.upgrades = false;
        self.scanned = 0;
        self.incoming = Incoming::Head { for_head: *method == Method::HEAD, interim: 0 };
        self.upload.begin(method, target, fields, body);
    }

    /// The body of a request of which nothing was written: it may go out anew.
    pub(in crate::client) fn take_unsent(&mut self) -> Option<B> {
        self.upload.take_unsent()
    }

    /// The head of the response; sends the request meanwhile.
    ///
    /// # Errors
    ///
    /// Any [`ExchangeError`].
    pub(in crate::client) fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        let sent = self.poll_upload(cx)?;
        loop {
            if let Some(head) = self.take_head()? {
                return Poll::Ready(Ok(ResponseHead { status: head.status, headers: head.headers }));
            }
            match ready!(self.poll_read(cx, READ)) {
                Ok(0) => {
                    return Poll::Ready(Err(sent.err().map_or(ExchangeError::Closed, ExchangeError::Io)));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// The final head, if it is here; interim ones before it are passed over.
    fn take_head(&mut self) -> Result<Option<Head>, ExchangeError> {
        while let Some(head) = response::take(&mut self.input, &mut self.scanned)? {
            if let Some(head) = self.accept(head)? {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Sends what can be sent. An upstream that answers without reading the request to its end may
    /// close its side: that is known when its answer does not come. The inner result says so.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<io::Result<()>, ExchangeError> {
        match self.upload.poll(cx, &mut self.stream) {
            Poll::Pending | Poll::Ready(Ok(())) => Ok(Ok(())),
            Poll::Ready(Err(ExchangeError::Io(error))) if self.upload.has_begun() => {
                self.persists = false;
                self.upload.give_up();
                Ok(Err(error))
            }
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    /// Takes a head in: `None` for an interim one, after which the final one is awaited.
    fn accept(&mut self, head: Head) -> Result<Option<Head>, ExchangeError> {
        let Incoming::Head { for_head, interim } = self.incoming else {
            return Err(ExchangeError::Malformed("a response that nobody asked for"));
        };
        if head.status.is_informational() {
            if head.status.as_u16() == 101 && self.upgrades {
                (self.persists, self.incoming) = (false, Incoming::Nothing);
                return Ok(Some(head));
            }
            if head.status.as_u16() == 101 {
                return Err(ExchangeError::Malformed("it switches protocols unasked"));
            }
            if interim == MAX_INTERIM {
                return Err(ExchangeError::Malformed("more than 64 interim responses"));
            }
            self.incoming = Incoming::Head { for_head, interim: interim + 1 };
            return Ok(None);
        }
        self.persists &= framing::persists(head.minor_version, &head.headers);
        self.incoming = match framing::of(for_head, head.status, &head.headers)? {
            Framing::Length(0) => Incoming::Nothing,
            Framing::Length(length) => Incoming::Length(length),
            Framing::Chunked if head.minor_version == 0 => {
                return Err(ExchangeError::Malformed("chunks in HTTP/1.0"));
            }
            Framing::Chunked => Incoming::Chunked(Box::new(Chunked::new())),
            Framing::Close => Incoming::Close,
        };
        Ok(Some(head))
    }

    /// The next piece of the response's body; `None` at its end.
    ///
    /// # Errors
    ///
    /// Any [`ExchangeError`].
    pub(in crate::client) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        if !self.upload.is_done() {
            // What becomes of the rest of the request no longer decides about the response.
            if let Err(error) = self.poll_upload(cx) {
                return Poll::Ready(Some(Err(error)));
            }
        }
        loop {
            match self.take() {
                Ok(Taken::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(Taken::End) => return Poll::Ready(None),
                Ok(Taken::NeedsMore) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            match ready!(self.poll_read(cx, LARGE_READ)) {
                Ok(0) if matches!(self.incoming, Incoming::Close) => {
                    self.incoming = Incoming::Nothing;
                    self.persists = false;
                    return Poll::Ready(None);
                }
                Ok(0) => return Poll::Ready(Some(Err(ExchangeError::Closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// What the bytes that are here make of the body.
    fn take(&mut self) -> Result<Taken, ExchangeError> {
        match &mut self.incoming {
            Incoming::Nothing | Incoming::Head { .. } => Ok(Taken::End),
            Incoming::Length(_) | Incoming::Close if self.input.is_empty() => Ok(Taken::NeedsMore),
            Incoming::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(self.input.len());
                *left -= length as u64;
                if *left == 0 {
                    self.incoming = Incoming::Nothing;
                }
                Ok(Taken::Frame(Frame::data(self.input.split_to(length).freeze())))
            }
            Incoming::Close => Ok(Taken::Frame(Frame::data(self.input.split().freeze()))),
            Incoming::Chunked(chunked) => match chunked.take(&mut self.input)? {
                None => Ok(Taken::NeedsMore),
                Some(Part::Data(data)) => Ok(Taken::Frame(Frame::data(data))),
                Some(Part::End(trailers)) => {
                    self.incoming = Incoming::Nothing;
                    Ok(end(trailers))
                }
            },
        }
    }

    /// Whether the response has been read to its end.
    pub(in crate::client) fn is_end_stream(&self) -> bool {
        matches!(self.incoming, Incoming::Nothing)
    }

    /// The bytes that are still to come.
    pub(in crate::client) fn size_hint(&self) -> SizeHint {
        match &self.incoming {
            Incoming::Nothing => SizeHint::with_exact(0),
            Incoming::Length(left) => SizeHint::with_exact(*left),
            Incoming::Head { .. } | Incoming::Chunked(_) | Incoming::Close => SizeHint::default(),
        }
    }

    /// Whether it can carry another request: both messages are over, and nothing came behind.
    pub(in crate::client) fn is_reusable(&self) -> bool {
        self.persists && self.is_end_stream() && self.upload.is_done() && self.input.is_empty()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<usize>> {
        // A read that needs less than what is left gets it; the buffer is only grown when it is full.
        if self.input.capacity() - self.input.len() < READ / 2 {
            // An upstream may take its time: room is made when there is something to put there.
            ready!(self.stream.poll_readable(cx))?;
            self.input.reserve(room);
        }
        pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }
}

/// What was found in the bytes that are here.
enum Taken {
    Frame(Frame<Bytes>),
    NeedsMore,
    End,
}

fn end(trailers: HeaderMap) -> Taken {
    if trailers.is_empty() { Taken::End } else { Taken::Frame(Frame::trailers(trailers)) }
}
