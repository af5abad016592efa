//! A running function, as the worker sees it that waits for the answer.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};

use super::bodies::Piece;
use crate::exchange::{RequestId, Scheme};
use crate::plugin_host::CallFailure;
use crate::plugin_host::guest::Cancel;

/// What a function is asked.
#[derive(Debug)]
pub struct FunctionRequest {
    /// For its log lines.
    pub id: RequestId,
    /// How the client came.
    pub scheme: Scheme,
    /// Method.
    pub method: Method,
    /// Absolute: with the authority that an upstream would see.
    pub uri: Uri,
    /// Without hop-by-hop headers.
    pub headers: HeaderMap,
    /// What is known of the body's length.
    pub size: SizeHint,
}

/// The head of its answer.
#[derive(Debug)]
pub struct FunctionHead {
    /// 200 to 599.
    pub status: StatusCode,
    /// As the guest set them, `content-length` among them.
    pub headers: HeaderMap,
}

/// Why a call ended before its time, if it did. The first reason counts.
#[derive(Debug, Default)]
pub(in crate::plugin_host) struct Ended(OnceLock<CallFailure>);

impl Ended {
    pub(super) fn fail(&self, failure: CallFailure) {
        _ = self.0.set(failure);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.0.get().is_some()
    }

    /// Without a reason its task is gone: a host function panicked.
    fn failure(&self) -> CallFailure {
        self.0.get().cloned().unwrap_or(CallFailure::Panic)
    }
}

type Room =
    Pin<Box<dyn Future<Output = Result<mpsc::OwnedPermit<Piece>, mpsc::error::SendError<()>>> + Send>>;

/// What becomes of the request's body.
enum Upload {
    /// The guest may not have room for more yet.
    Waiting(Room),
    Ready(mpsc::OwnedPermit<Piece>),
    /// All of it is with the guest, or the guest wants no more.
    Done,
}

/// A running function. Dropped before its answer is over, it is told to end.
pub struct FunctionCall {
    upload: Upload,
    head: oneshot::Receiver<FunctionHead>,
    pieces: mpsc::Receiver<Piece>,
    ended: Arc<Ended>,
    cancel: Arc<Cancel>,
    over: bool,
}

/// The worker's ends of the channels to a task.
pub(super) struct Ends {
    pub(super) upload: mpsc::Sender<Piece>,
    pub(super) head: oneshot::Receiver<FunctionHead>,
    pub(super) pieces: mpsc::Receiver<Piece>,
}

impl FunctionCall {
    pub(super) fn new(ends: Ends, ended: Arc<Ended>, cancel: Arc<Cancel>) -> Self {
        let Ends { upload, head, pieces } = ends;
        let upload = Upload::Waiting(Box::pin(upload.reserve_owned()));
        Self { upload, head, pieces, ended, cancel, over: false }
    }

    /// Hands on what there is of the request's body, as fast as the guest takes it; ready when there is no
    /// more to hand on.
    ///
    /// # Errors
    ///
    /// What `body` fails with: to the guest it breaks off.
    pub fn poll_upload<B: Body<Data = Bytes> + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut B,
    ) -> Poll<Result<(), B::Error>> {
        loop {
            match std::mem::replace(&mut self.upload, Upload::Done) {
                Upload::Done => return Poll::Ready(Ok(())),
                Upload::Waiting(mut room) => match room.as_mut().poll(cx) {
                    Poll::Ready(Ok(permit)) => self.upload = Upload::Ready(permit),
                    Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                    Poll::Pending => {
                        self.upload = Upload::Waiting(room);
                        return Poll::Pending;
                    }
                },
                Upload::Ready(permit) => match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        let upload = permit.send(Piece::Frame(frame));
                        self.upload = Upload::Waiting(Box::pin(upload.reserve_owned()));
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) => drop(permit.send(Piece::End)),
                    Poll::Pending => {
                        self.upload = Upload::Ready(permit);
                        return Poll::Pending;
                    }
                },
            }
        }
    }

    /// The head of the answer. Ready once.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<FunctionHead, CallFailure>> {
        let head = ready!(Pin::new(&mut self.head).poll(cx));
        Poll::Ready(head.map_err(|_| self.ended.failure()))
    }

    /// The next frame of the answer's body.
    ///
    /// # Errors
    ///
    /// Why it breaks off.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CallFailure>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let piece = ready!(self.pieces.poll_recv(cx));
        Poll::Ready(match piece {
            Some(Piece::Frame(frame)) => Some(Ok(frame)),
            Some(Piece::End) => {
                self.over = true;
                None
            }
            None => Some(Err(self.ended.failure())),
        })
    }

    /// Whether the answer has been read to its end.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

impl Drop for FunctionCall {
    fn drop(&mut self) {
        if !self.over {
            self.ended.fail(CallFailure::Cancelled);
            self.cancel.set();
        }
    }
}
