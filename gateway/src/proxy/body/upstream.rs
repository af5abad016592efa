//! The rest of an upstream's answer, or of a function's in its place.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{BodyError, FunctionBody, RequestBody};
use crate::client::{Connection, Endpoint};
use crate::proxy::connection::Client;
use crate::proxy::deadline::Wait;

/// The rest of an upstream's answer, or of a function's in its place.
pub(in crate::proxy) struct UpstreamBody {
    from: From,
    /// Why it broke off, until that is said.
    broken: Option<BodyError>,
}

enum From {
    Upstream(Wire),
    Function(Box<FunctionBody>),
}

/// A connection, which goes back to the pool when the answer has been read to its end.
struct Wire {
    connection: Option<Box<Connection<RequestBody>>>,
    endpoint: Endpoint,
    read_timeout: Duration,
}

impl UpstreamBody {
    pub(in crate::proxy) fn of(
        connection: Box<Connection<RequestBody>>,
        endpoint: Endpoint,
        read_timeout: Duration,
    ) -> Self {
        let from = From::Upstream(Wire { connection: Some(connection), endpoint, read_timeout });
        Self { from, broken: None }
    }

    pub(in crate::proxy) fn of_function(body: FunctionBody) -> Self {
        Self { from: From::Function(Box::new(body)), broken: None }
    }

    pub(super) fn give_back_at_end(&mut self, client: &Client) {
        match &mut self.from {
            From::Upstream(wire) => wire.give_back_at_end(client),
            From::Function(_) => {}
        }
    }

    /// The connection, after the other side has agreed to another protocol.
    pub(in crate::proxy) fn into_connection(self) -> Option<(Box<Connection<RequestBody>>, Duration)> {
        match self.from {
            From::Upstream(Wire { connection, read_timeout, .. }) => {
                connection.map(|connection| (connection, read_timeout))
            }
            From::Function(_) => None,
        }
    }

    pub(in crate::proxy) fn is_end_stream(&self) -> bool {
        match &self.from {
            From::Upstream(wire) => {
                wire.connection.as_ref().is_none_or(|connection| connection.is_end_stream())
            }
            From::Function(body) => body.is_end_stream(),
        }
    }

    pub(in crate::proxy) fn size_hint(&self) -> SizeHint {
        match &self.from {
            From::Upstream(Wire { connection: Some(connection), .. }) => connection.size_hint(),
            From::Upstream(_) => SizeHint::with_exact(0),
            From::Function(body) => body.size_hint(),
        }
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
        let polled = match &mut self.from {
            From::Upstream(wire) => wire.poll(client, cx),
            From::Function(body) => body.poll_frame(cx),
        };
        match polled {
            Poll::Ready(Some(Err(error))) => {
                self.broken = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            polled @ (Poll::Pending | Poll::Ready(None | Some(Ok(_)))) => polled,
        }
    }
}

impl Wire {
    fn give_back_at_end(&mut self, client: &Client) {
        if let Some(connection) = self.connection.take_if(|connection| connection.is_end_stream()) {
            client.worker.pool.put(&self.endpoint, connection, client.deadline.now());
        }
    }

    fn poll(
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
