//! The rest of an upstream's answer.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{BodyError, RequestBody};
use crate::client::{Connection, Endpoint};
use crate::proxy::connection::Client;
use crate::proxy::deadline::Wait;

/// The rest of an upstream's answer. Its connection goes back to the pool when the answer has been
/// read to its end.
pub(in crate::proxy) struct UpstreamBody {
    connection: Option<Box<Connection<RequestBody>>>,
    endpoint: Endpoint,
    read_timeout: Duration,
    /// Why it broke off, until that is said.
    broken: Option<BodyError>,
}

impl UpstreamBody {
    pub(in crate::proxy) fn new(
        connection: Box<Connection<RequestBody>>,
        endpoint: Endpoint,
        read_timeout: Duration,
    ) -> Self {
        Self { connection: Some(connection), endpoint, read_timeout, broken: None }
    }

    pub(super) fn give_back_at_end(&mut self, client: &Client) {
        if let Some(connection) = self.connection.take_if(|connection| connection.is_end_stream()) {
            client.worker.pool.put(&self.endpoint, connection, client.deadline.now());
        }
    }

    /// The connection, after the other side has agreed to another protocol.
    pub(in crate::proxy) fn into_connection(self) -> Option<(Box<Connection<RequestBody>>, Duration)> {
        self.connection.map(|connection| (connection, self.read_timeout))
    }

    pub(in crate::proxy) fn is_end_stream(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.is_end_stream())
    }

    pub(in crate::proxy) fn size_hint(&self) -> SizeHint {
        let connection = self.connection.as_ref();
        connection.map_or_else(|| SizeHint::with_exact(0), |connection| connection.size_hint())
    }

    /// An error waits for one more poll: hyper throws away what it has not written when a body fails,
    /// and the client shall see what came, and that it breaks off.
    pub(in crate::proxy) fn poll_frame(
        &mut self,
        client: &Client,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match self.poll_incoming(client, cx) {
            Poll::Ready(Some(Err(error))) => {
                self.broken = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            polled @ (Poll::Pending | Poll::Ready(None | Some(Ok(_)))) => polled,
        }
    }

    fn poll_incoming(
        &mut self,
        client: &Client,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let deadline = &client.deadline;
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        match connection.poll_frame(cx) {
            Poll::Pending if deadline.upstream_is_late() => {
                Poll::Ready(Some(Err(BodyError::UpstreamTimeout)))
            }
            Poll::Pending => {
                // While the client still sends its body, that wait is the one that counts.
                if deadline.wait() == Wait::Nothing {
                    deadline.arm(Wait::Upstream, self.read_timeout);
                }
                Poll::Pending
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(frame) => {
                deadline.disarm();
                self.give_back_at_end(client);
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
            }
        }
    }
}
