//! Bodies on their way between a worker and the task of a function.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use wasmtime_wasi_http::Error;

use crate::plugin_host::guest::Cancel;

/// Pieces of one body that are on their way: the side that reads sets the pace.
pub(super) const PIECES: usize = 2;

/// A piece of a body. One that stops without its end has broken off.
#[derive(Debug)]
pub(super) enum Piece {
    Frame(Frame<Bytes>),
    End,
}

/// The request's body, as the guest reads it.
pub(super) struct GuestBody {
    pieces: mpsc::Receiver<Piece>,
    size: SizeHint,
    over: bool,
    cancelled: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl GuestBody {
    pub(super) fn new(pieces: mpsc::Receiver<Piece>, size: SizeHint, cancel: Arc<Cancel>) -> Self {
        let over = size.exact() == Some(0);
        Self { pieces, size, over, cancelled: Box::pin(async move { cancel.wait().await }) }
    }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let polled = match self.pieces.poll_recv(cx) {
            Poll::Pending if self.cancelled.as_mut().poll(cx).is_pending() => return Poll::Pending,
            Poll::Ready(Some(Piece::Frame(frame))) => return Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Some(Piece::End)) => None,
            Poll::Pending | Poll::Ready(None) => Some(Err(Error::ConnectionTerminated)),
        };
        self.over = true;
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}
