//! Bodies on their way through: never collected, watched by the connection's deadline.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::connection::Client;
use super::deadline::Wait;
use super::finish::Ending;
use super::unread::Coming;
use crate::client::{Connection, Endpoint, H1Error};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client broke off or sent nonsense.
    #[error(transparent)]
    Client(#[from] hyper::Error),
    /// The upstream broke off or sent nonsense.
    #[error(transparent)]
    Upstream(#[from] H1Error),
    /// The request body is larger than `client_max_body_size`.
    #[error("request body too large")]
    TooLarge,
    /// The upstream sent nothing for too long.
    #[error("the upstream stopped sending")]
    UpstreamTimeout,
}

/// A request body, from the client to the upstream.
pub(super) struct RequestBody {
    incoming: Option<Coming>,
    client: Rc<Client>,
    /// How long the upstream may take to accept what was read, and then to answer.
    write_timeout: Duration,
    read_timeout: Duration,
}

impl RequestBody {
    pub(super) fn new(
        incoming: Coming,
        client: Rc<Client>,
        write_timeout: Duration,
        read_timeout: Duration,
    ) -> Self {
        let incoming = Some(incoming).filter(|body| !body.is_end_stream());
        Self { incoming, client, write_timeout, read_timeout }
    }

    /// A second body for a request that has none.
    pub(super) fn empty_again(&self) -> Option<Self> {
        let (client, write_timeout, read_timeout) =
            (Rc::clone(&self.client), self.write_timeout, self.read_timeout);
        self.incoming.is_none().then_some(Self { incoming: None, client, write_timeout, read_timeout })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        match Pin::new(incoming).poll_frame(cx) {
            Poll::Pending => {
                // Whoever polls for another reason must not give the client more time.
                let deadline = &this.client.deadline;
                if deadline.wait() != Wait::RequestBody {
                    deadline.arm(Wait::RequestBody, this.client.worker.settings.client_body_timeout);
                }
                Poll::Pending
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.client.deadline.arm(Wait::Upstream, this.write_timeout);
                let within = this.client.count_in(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(if within { Ok(frame) } else { Err(BodyError::TooLarge) }))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                this.client.deadline.arm(Wait::Upstream, this.read_timeout);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// A response body, on its way to the client. When it is dropped, the exchange is over.
pub struct ResponseBody {
    source: Source,
    ending: Ending,
}

enum Source {
    /// Written by the gateway.
    Local(Option<Bytes>),
    /// From the upstream.
    Upstream(UpstreamBody),
}

/// The rest of an upstream's answer. Its connection goes back to the pool when the answer has been
/// read to its end.
pub(super) struct UpstreamBody {
    connection: Option<Box<Connection<RequestBody>>>,
    endpoint: Endpoint,
    read_timeout: Duration,
    /// Why it broke off, until that is said.
    broken: Option<BodyError>,
}

impl ResponseBody {
    pub(super) fn local(bytes: Bytes, ending: Ending) -> Self {
        Self { source: Source::Local(Some(bytes).filter(|bytes| !bytes.is_empty())), ending }
    }

    pub(super) fn upstream(mut body: UpstreamBody, ending: Ending) -> Self {
        body.give_back_at_end(&ending);
        Self { source: Source::Upstream(body), ending }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let polled = match &mut this.source {
            Source::Local(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Upstream(body) => body.poll_frame(&this.ending, cx),
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            this.ending.count_out(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Local(bytes) => bytes.is_none(),
            Source::Upstream(body) => body.connection.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Local(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Source::Upstream(body) => body
                .connection
                .as_ref()
                .map_or_else(|| SizeHint::with_exact(0), |connection| connection.size_hint()),
        }
    }
}

impl UpstreamBody {
    pub(super) fn new(
        connection: Box<Connection<RequestBody>>,
        endpoint: Endpoint,
        read_timeout: Duration,
    ) -> Self {
        Self { connection: Some(connection), endpoint, read_timeout, broken: None }
    }

    fn give_back_at_end(&mut self, ending: &Ending) {
        if let Some(connection) = self.connection.take_if(|connection| connection.is_end_stream()) {
            ending.client.worker.pool.put(&self.endpoint, connection, ending.client.deadline.now());
        }
    }

    /// An error waits for one more poll: hyper throws away what it has not written when a body fails,
    /// and the client shall see what came, and that it breaks off.
    fn poll_frame(
        &mut self,
        ending: &Ending,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match self.poll_incoming(ending, cx) {
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
        ending: &Ending,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let deadline = &ending.client.deadline;
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
                self.give_back_at_end(ending);
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
            }
        }
    }
}
