//! A request body, from the client to the upstream.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::filtered::Source;
use super::{BodyError, Front, Held};
use crate::client::{Taken, Unsent};
use crate::plugin_host::Filter;
use crate::proxy::connection::Client;
use crate::proxy::deadline::Wait;
use crate::proxy::unread::Coming;

/// What there is of a request body before it is sent.
pub(in crate::proxy) struct Upload {
    /// What the client still sends.
    pub(in crate::proxy) coming: Coming,
    /// What was collected for plugins.
    pub(in crate::proxy) held: Option<Held>,
}

/// How long the upstream may take to accept what was read, and then to answer.
#[derive(Debug, Clone, Copy)]
pub(in crate::proxy) struct Patience {
    pub(in crate::proxy) write: Duration,
    pub(in crate::proxy) read: Duration,
}

/// A request body, from the client to the upstream.
pub(in crate::proxy) struct RequestBody {
    /// What goes out anew, since an upstream has not looked at it.
    anew: Option<Box<Taken>>,
    front: Option<Box<Front>>,
    rest: Rest,
}

/// What the client still sends.
struct Rest {
    incoming: Option<Coming>,
    client: Rc<Client>,
    patience: Patience,
}

impl RequestBody {
    pub(in crate::proxy) fn new(
        upload: Upload,
        filter: Option<Filter>,
        client: Rc<Client>,
        patience: Patience,
    ) -> Self {
        let incoming = Some(upload.coming).filter(|body| !body.is_end_stream());
        let front = if upload.held.is_some() || filter.is_some() {
            Front::new(upload.held, filter, incoming.is_none(), &client)
        } else {
            None
        };
        Self { anew: None, front, rest: Rest { incoming, client, patience } }
    }

    /// The body of a request that was sent in vain.
    pub(in crate::proxy) fn anew(unsent: Unsent<Self>) -> Self {
        let Unsent { mut body, taken } = unsent;
        if !taken.is_empty() {
            body.anew = Some(Box::new(taken));
        }
        body
    }

    /// A second body for a request that has none, or whose body is held whole.
    pub(in crate::proxy) fn again(&self) -> Option<Self> {
        let Rest { incoming, client, patience } = &self.rest;
        if incoming.is_some() || self.anew.is_some() {
            return None;
        }
        let front = match &self.front {
            Some(front) => Some(front.again()?),
            None => None,
        };
        let rest = Rest { incoming: None, client: Rc::clone(client), patience: *patience };
        Some(Self { anew: None, front, rest })
    }
}

/// The next frame that a client sends; arms the deadline for it, and counts it.
pub(in crate::proxy) fn poll_client(
    incoming: &mut Coming,
    client: &Client,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    match Pin::new(incoming).poll_frame(cx) {
        Poll::Pending => {
            // Whoever polls for another reason must not give the client more time.
            if client.deadline.wait() != Wait::RequestBody {
                client.await_body();
            }
            Poll::Pending
        }
        Poll::Ready(Some(Ok(frame))) => {
            let within = client.count_in(frame.data_ref().map_or(0, Bytes::len));
            Poll::Ready(Some(if within { Ok(frame) } else { Err(BodyError::TooLarge) }))
        }
        Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
        Poll::Ready(None) => Poll::Ready(None),
    }
}

impl Source for Rest {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let polled = poll_client(incoming, &self.client, cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) => self.client.deadline.arm(Wait::Upstream, self.patience.write),
            Poll::Ready(None) => self.client.deadline.arm(Wait::Upstream, self.patience.read),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_over(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(taken) = &mut self.anew {
            if let Some(frame) = taken.take_frame() {
                return Poll::Ready(Some(Ok(frame)));
            }
            self.anew = None;
        }
        let Self { front, rest, .. } = &mut *self;
        match front {
            None => rest.poll_next(cx),
            Some(front) => front.poll(cx, rest),
        }
    }

    fn is_end_stream(&self) -> bool {
        if self.anew.as_ref().is_some_and(|taken| !taken.is_empty()) {
            return false;
        }
        match &self.front {
            None => self.rest.is_over(),
            Some(front) => front.is_over(self.rest.is_over()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let rest = match &self.front {
            None => rest,
            Some(front) => front.size_hint(&rest),
        };
        match &self.anew {
            None => rest,
            Some(taken) => {
                let whole = rest.exact().zip(taken.length()).map(|(rest, taken)| rest + taken);
                whole.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}
