//! One exchange at a time with an upstream, in the version of HTTP that it speaks.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::h1::{self, Upgraded};
use super::h2;
use super::stream::Stream;
use super::unsent::Taken;
use super::{ExchangeError, HeadWriter, Unsent};

/// The head of a response.
#[derive(Debug)]
pub struct ResponseHead {
    /// 100 to 999, never an interim one.
    pub status: StatusCode,
    /// As they came.
    pub headers: HeaderMap,
}

/// One exchange at a time with an upstream: a connection of HTTP/1.1, or a stream of one of HTTP/2. `B` is the
/// body of requests.
///
/// [`Connection::begin`], then [`Connection::poll_response`] until it is ready, then
/// [`Connection::poll_frame`] to the end. After an error it is of no use.
pub struct Connection<B>(Version<B>);

#[expect(
    clippy::large_enum_variant,
    reason = "it lives in a box already, and nearly all upstreams speak HTTP/1.1"
)]
enum Version<B> {
    Http1(h1::Connection<B>),
    Http2(Box<h2::Exchange<B>>),
}

impl<B> Connection<B> {
    pub(super) fn new(stream: Stream, address: SocketAddr) -> Self {
        Self(Version::Http1(h1::Connection::new(stream, address)))
    }

    pub(super) fn of_stream(exchange: h2::Exchange<B>) -> Self {
        Self(Version::Http2(Box::new(exchange)))
    }

    /// Where it goes.
    pub fn address(&self) -> SocketAddr {
        match &self.0 {
            Version::Http1(connection) => connection.address(),
            Version::Http2(exchange) => exchange.address(),
        }
    }

    /// Requests that the connection has carried.
    pub fn requests(&self) -> u64 {
        match &self.0 {
            Version::Http1(connection) => connection.requests(),
            Version::Http2(exchange) => exchange.requests(),
        }
    }

    /// Whether a read finds nothing: an idle connection that has something to say is about to close.
    pub(super) fn is_quiet(&mut self) -> bool {
        match &mut self.0 {
            Version::Http1(connection) => connection.is_quiet(),
            Version::Http2(_) => false,
        }
    }

    /// The request that was put in asks for another protocol: the answer may be 101, with which the
    /// connection stops speaking HTTP. HTTP/2 has no such answer.
    pub fn may_upgrade(&mut self) {
        match &mut self.0 {
            Version::Http1(connection) => connection.may_upgrade(),
            Version::Http2(_) => {}
        }
    }

    /// What is left after a 101.
    pub fn into_upgraded(self) -> Option<Upgraded> {
        match self.0 {
            Version::Http1(connection) => Some(connection.into_upgraded()),
            Version::Http2(_) => None,
        }
    }

    /// Whether a byte of the response was read.
    pub fn has_answered(&self) -> bool {
        match &self.0 {
            Version::Http1(connection) => connection.has_answered(),
            Version::Http2(exchange) => exchange.has_answered(),
        }
    }
}

impl<B> Connection<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Puts a request in. `fields` writes the headers; framing is added from the body's length.
    pub fn begin(
        &mut self,
        method: &Method,
        target: &str,
        fields: impl FnOnce(&mut HeadWriter<'_>),
        body: B,
    ) {
        match &mut self.0 {
            Version::Http1(connection) => connection.begin(method, target, fields, body),
            Version::Http2(exchange) => exchange.begin(method, target, fields, body),
        }
    }

    /// The body of a request that the upstream has not begun to work on: it may go out anew.
    pub fn take_unsent(&mut self) -> Option<Unsent<B>> {
        match &mut self.0 {
            Version::Http1(connection) => {
                connection.take_unsent().map(|body| Unsent { body, taken: Taken::default() })
            }
            Version::Http2(exchange) => exchange.take_unsent(),
        }
    }

    /// The head of the response; sends the request meanwhile.
    ///
    /// # Errors
    ///
    /// Any [`ExchangeError`].
    pub fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, ExchangeError>> {
        match &mut self.0 {
            Version::Http1(connection) => connection.poll_response(cx),
            Version::Http2(exchange) => exchange.poll_response(cx),
        }
    }

    /// The next piece of the response's body; `None` at its end.
    ///
    /// # Errors
    ///
    /// Any [`ExchangeError`].
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        match &mut self.0 {
            Version::Http1(connection) => connection.poll_frame(cx),
            Version::Http2(exchange) => exchange.poll_frame(cx),
        }
    }

    /// Whether the response has been read to its end.
    pub fn is_end_stream(&self) -> bool {
        match &self.0 {
            Version::Http1(connection) => connection.is_end_stream(),
            Version::Http2(exchange) => exchange.is_end_stream(),
        }
    }

    /// The bytes that are still to come.
    pub fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Version::Http1(connection) => connection.size_hint(),
            Version::Http2(exchange) => exchange.size_hint(),
        }
    }

    /// Whether it can carry another request: both messages are over, and nothing came behind. A stream is for
    /// one request; its connection never leaves the pool.
    pub fn is_reusable(&self) -> bool {
        match &self.0 {
            Version::Http1(connection) => connection.is_reusable(),
            Version::Http2(_) => false,
        }
    }
}
