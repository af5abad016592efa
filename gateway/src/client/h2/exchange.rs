//! One stream: a request and its response.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body::{Body, Frame, SizeHint};

use super::link::Place;
use super::upload::{Sent, Upload};
use crate::client::unsent::Taken;
use crate::client::{ExchangeError, HeadWriter, ResponseHead, Unsent};

/// As for HTTP/1.1: an upstream that sends more interim responses never ends.
const MAX_INTERIM: u32 = 64;

/// What HTTP/2 has other means for (RFC 9113 section 8.2.2).
const OF_CONNECTIONS: [HeaderName; 6] = [
    header::CONNECTION,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// One stream: a request and its response. Reset when dropped before its end.
pub(in crate::client) struct Exchange<B> {
    send: SendRequest<Bytes>,
    place: Place,
    address: SocketAddr,
    is_encrypted: bool,
    begun: bool,
    outgoing: Outgoing<B>,
    taken: Taken,
    /// The upstream said that it has not looked at the request.
    unprocessed: bool,
    incoming: Incoming,
    interim: u32,
    /// Bytes of the body that are to come, if that was said.
    length: Option<u64>,
}

enum Outgoing<B> {
    /// The head waits for its turn.
    Head(Result<Request<()>, ExchangeError>, B),
    Body(Upload<B>),
    /// The stream is gone; the body is kept, to be given back if it may go out anew.
    Kept(B),
    Nothing,
}

enum Incoming {
    Nothing,
    Head(ResponseFuture),
    Body(RecvStream),
    Trailers(RecvStream),
}

impl<B> Exchange<B> {
    pub(super) fn new(
        send: SendRequest<Bytes>,
        place: Place,
        address: SocketAddr,
        is_encrypted: bool,
    ) -> Self {
        let (outgoing, incoming) = (Outgoing::Nothing, Incoming::Nothing);
        let (begun, unprocessed, interim, length) = (false, false, 0, None);
        let taken = Taken::default();
        Self {
            send,
            place,
            address,
            is_encrypted,
            begun,
            outgoing,
            taken,
            unprocessed,
            incoming,
            interim,
            length,
        }
    }

    pub(in crate::client) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Of the stream: what its connection has carried says nothing about whether it still works.
    pub(in crate::client) fn requests(&self) -> u64 {
        self.begun.into()
    }

    pub(in crate::client) fn has_answered(&self) -> bool {
        matches!(self.incoming, Incoming::Body(_) | Incoming::Trailers(_))
    }

    pub(in crate::client) fn is_end_stream(&self) -> bool {
        match &self.incoming {
            Incoming::Nothing => true,
            Incoming::Body(stream) => stream.is_end_stream(),
            Incoming::Head(_) | Incoming::Trailers(_) => false,
        }
    }

    pub(in crate::client) fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl<B> Exchange<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(in crate::client) fn begin(
        &mut self,
        method: &Method,
        target: &str,
        fields: impl FnOnce(&mut HeadWriter<'_>),
        body: B,
    ) {
        self.begun = true;
        self.place.count_request();
        let mut headers = HeaderMap::new();
        fields(&mut HeadWriter::map(&mut headers));
        if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let scheme = if self.is_encrypted { "https" } else { "http" };
        self.outgoing = Outgoing::Head(head(method, scheme, target, headers), body);
    }

    pub(in crate::client) fn take_unsent(&mut self) -> Option<Unsent<B>> {
        let body = match std::mem::replace(&mut self.outgoing, Outgoing::Nothing) {
            Outgoing::Head(_, body) => return Some(Unsent { body, taken: Taken::default() }),
            Outgoing::Kept(body) => body,
            Outgoing::Body(upload) => upload.into_body(),
            Outgoing::Nothing => return None,
        };
        let taken = std::mem::take(&mut self.taken);
        (self.unprocessed && taken.is_whole()).then_some(Unsent { body, taken })
    }

    pub(in crate::client) fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        if matches!(self.outgoing, Outgoing::Head(..)) {
            ready!(self.poll_begin(cx))?;
        }
        self.poll_upload(cx)?;
        let Incoming::Head(response) = &mut self.incoming else {
            return Poll::Ready(Err(ExchangeError::Malformed("a response that nobody asked for")));
        };
        while let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
            let status = interim.map_err(|error| failed(error, &mut self.unprocessed))?.status();
            self.interim += 1;
            if status == 101 || self.interim > MAX_INTERIM {
                self.incoming = Incoming::Nothing;
                return Poll::Ready(Err(ExchangeError::Malformed("101, or more than 64 interim responses")));
            }
        }
        let answered = ready!(Pin::new(response).poll(cx));
        let (head, body) = answered.map_err(|error| failed(error, &mut self.unprocessed))?.into_parts();
        if head.status == 101 {
            self.incoming = Incoming::Nothing;
            return Poll::Ready(Err(ExchangeError::Malformed("101 in HTTP/2")));
        }
        let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        self.length = length.and_then(|length| length.parse().ok());
        self.incoming = Incoming::Body(body);
        Poll::Ready(Ok(ResponseHead { status: head.status, headers: head.headers }))
    }

    /// Opens the stream as soon as there may be one more.
    fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ExchangeError>> {
        ready!(self.send.poll_ready(cx)).map_err(|error| failed(error, &mut self.unprocessed))?;
        let Outgoing::Head(head, body) = std::mem::replace(&mut self.outgoing, Outgoing::Nothing) else {
            return Poll::Ready(Ok(()));
        };
        let ends = body.is_end_stream();
        let opened = self.send.send_request(head?, ends);
        match opened {
            Ok((response, stream)) => {
                self.incoming = Incoming::Head(response);
                // A body that is over is kept as well: nothing of it can have been sent.
                self.outgoing =
                    if ends { Outgoing::Kept(body) } else { Outgoing::Body(Upload::new(body, stream)) };
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                (self.outgoing, self.unprocessed) = (Outgoing::Kept(body), true);
                Poll::Ready(Err(error.into()))
            }
        }
    }

    /// Sends what can be sent of the body.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), ExchangeError> {
        let Outgoing::Body(upload) = &mut self.outgoing else { return Ok(()) };
        match upload.poll(cx, &mut self.taken)? {
            Sent::Waits => Ok(()),
            Sent::Over => {
                if let Outgoing::Body(upload) = std::mem::replace(&mut self.outgoing, Outgoing::Nothing) {
                    self.outgoing = Outgoing::Kept(upload.into_body());
                }
                Ok(())
            }
        }
    }

    pub(in crate::client) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        if let Err(error) = self.poll_upload(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        if let Incoming::Body(stream) = &mut self.incoming {
            match ready!(stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // The window is given back as the data goes on: a client that does not read stops the stream.
                    let released = stream.flow_control().release_capacity(data.len());
                    self.length = self.length.map(|length| length.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(released.map(|()| Frame::data(data)).map_err(Into::into)));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => self.await_trailers(),
            }
        }
        let Incoming::Trailers(stream) = &mut self.incoming else { return Poll::Ready(None) };
        let trailers = ready!(stream.poll_trailers(cx));
        self.incoming = Incoming::Nothing;
        Poll::Ready(trailers.transpose().map(|trailers| trailers.map(Frame::trailers).map_err(Into::into)))
    }

    fn await_trailers(&mut self) {
        if let Incoming::Body(stream) = std::mem::replace(&mut self.incoming, Incoming::Nothing) {
            self.incoming = Incoming::Trailers(stream);
        }
    }
}

/// The head of a request: what HTTP/1.1 says in headers of the connection is said in its own way.
fn head(
    method: &Method,
    scheme: &'static str,
    target: &str,
    mut headers: HeaderMap,
) -> Result<Request<()>, ExchangeError> {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let uri = Uri::builder().scheme(scheme).authority(host).path_and_query(target).build();
    let uri = uri.map_err(|_| ExchangeError::Malformed("the Host cannot be said in HTTP/2"))?;
    for name in OF_CONNECTIONS {
        headers.remove(name);
    }
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}

/// An upstream that refuses a stream, or goes away without it, has not looked at the request (RFC 9113 section 8.7).
fn failed(error: h2::Error, unprocessed: &mut bool) -> ExchangeError {
    let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    *unprocessed = error.is_remote() && (refused || error.is_go_away());
    error.into()
}
