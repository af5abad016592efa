//! The answer of a function, and the request's body on its way to it.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use super::{BodyError, RequestBody};
use crate::exchange::RequestId;
use crate::plugin_host::{Assignment, CallFailure, FunctionCall, FunctionHead};
use crate::proxy::connection::Client;
use crate::proxy::error::ProxyError;
use crate::proxy::forward::upload_error;

/// The answer of a function. Dropped before its end, the function is told to end.
pub(in crate::proxy) struct FunctionBody {
    call: FunctionCall,
    /// `None` once all of it is handed on, or it broke off.
    upload: Option<RequestBody>,
    client: Rc<Client>,
    function: Arc<Assignment>,
    id: RequestId,
    begun: Instant,
    /// Bytes that are still to come, if the function said how many there are.
    left: Option<u64>,
    counted: Counted,
}

/// What the metrics know of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// It has not answered. Without an answer its caller counts it, or the client has left.
    No,
    /// It has answered, and counts when that is over.
    Answered,
    Yes,
}

impl FunctionBody {
    pub(in crate::proxy) fn new(
        client: &Rc<Client>,
        (function, id): (Arc<Assignment>, RequestId),
        (call, upload): (FunctionCall, RequestBody),
    ) -> Self {
        let (client, begun) = (Rc::clone(client), Instant::now());
        let upload = Some(upload);
        Self { call, upload, client, function, id, begun, left: None, counted: Counted::No }
    }

    /// The head of the answer, or why there is none; hands the request's body on meanwhile.
    ///
    /// # Errors
    ///
    /// If that body breaks off or is too long, or a plugin stops it.
    pub(in crate::proxy) async fn head(&mut self) -> Result<Result<FunctionHead, CallFailure>, ProxyError> {
        let head = poll_fn(|cx| {
            if let Err(error) = self.poll_upload(cx) {
                return Poll::Ready(Err(error));
            }
            self.call.poll_head(cx).map(Ok)
        });
        let head = head.await?;
        if head.is_ok() {
            self.counted = Counted::Answered;
        }
        Ok(head)
    }

    /// The answer has so many bytes, if that is known.
    pub(in crate::proxy) fn expect(&mut self, bytes: Option<u64>) {
        self.left = bytes;
    }

    /// Hands on what there is of the request's body.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), ProxyError> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let polled = self.call.poll_upload(cx, upload);
        if polled.is_ready() {
            self.upload = None;
        }
        match polled {
            Poll::Pending | Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(_)) => {
                let broken = ProxyError::BadRequest("the request's body breaks off");
                Err(upload_error(&self.client).unwrap_or(broken))
            }
        }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // What becomes of the rest of the request no longer decides about the answer: the function has seen it.
        _ = self.poll_upload(cx);
        match self.call.poll_frame(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.left = self.left.map(|left| left.saturating_sub(bytes));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                self.left = Some(0);
                self.count(Ok(()));
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(failure))) => {
                self.count(Err(&failure));
                Poll::Ready(Some(Err(BodyError::Plugin(failure))))
            }
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.call.is_over()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    fn count(&mut self, ended: Result<(), &CallFailure>) {
        if self.counted == Counted::Answered {
            self.counted = Counted::Yes;
            let instances = &self.client.worker.instances;
            instances.function_ended(&self.function, &self.id, (ended, self.begun.elapsed()));
        }
    }
}

impl Drop for FunctionBody {
    fn drop(&mut self) {
        // The client has left, or wanted no body: neither is the function's fault.
        self.count(Ok(()));
    }
}
