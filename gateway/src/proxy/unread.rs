//! The body of a request, whose rest is thrown away if nobody wants it.
//!
//! An answer often comes before the body has been read: the key is missing, the upstream is away. Were
//! the connection closed over unread bytes it would be reset, and the client might never see the answer.
//! The rest is bounded in bytes here, and in time by the deadline that the next head has. A client that
//! asks first (`Expect: 100-continue`) is not told to go on.
//!
//! Over HTTP/2 there is nothing to throw away: the stream is reset, and the connection goes on.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::task;

/// Bytes that are thrown away at most; a client that sends more loses its connection.
const MOST_BYTES: u64 = 32 << 20;

/// A body that somebody may still be sending.
pub(super) struct Coming {
    /// `None` once its end has been seen.
    body: Option<Incoming>,
    /// The client sends without being asked to.
    is_unasked: bool,
    /// Others use the connection too.
    is_stream: bool,
}

impl Coming {
    /// The body of a request with this head.
    pub(super) fn new(body: Incoming, head: &Parts) -> Self {
        let body = Some(body).filter(|body| !body.is_end_stream());
        let is_stream = head.version == Version::HTTP_2;
        Self { is_unasked: body.is_some() && !head.headers.contains_key(header::EXPECT), is_stream, body }
    }
}

impl Body for Coming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) | Poll::Pending => self.is_unasked = true,
            Poll::Ready(Some(Err(_)) | None) => self.body = None,
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        let rest =
            self.body.take().filter(|body| self.is_unasked && !self.is_stream && !body.is_end_stream());
        if let Some(rest) = rest {
            drop(task::spawn_local("rest of a request", throw_away(rest)));
        }
    }
}

async fn throw_away(mut body: Incoming) {
    let mut left = MOST_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(rest) = left.checked_sub(bytes) else { return };
        left = rest;
    }
}
