//! A response body, on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::filtered::Source as Frames;
use super::{BodyError, Front, Held, UpstreamBody};
use crate::plugin_host::Filter;
use crate::proxy::connection::Client;
use crate::proxy::finish::Ending;

/// A response body, on its way to the client. When it is dropped, the exchange is over.
pub struct ResponseBody {
    front: Option<Box<Front>>,
    source: Source,
    /// `None` if the exchange goes on without it, in another protocol.
    ending: Option<Ending>,
}

enum Source {
    /// Written by the gateway.
    Local(Option<Bytes>),
    /// From the upstream.
    Upstream(UpstreamBody),
}

impl ResponseBody {
    pub(in crate::proxy) fn local(bytes: Bytes, filter: Option<Filter>, ending: Ending) -> Self {
        let source = Source::Local(Some(bytes).filter(|bytes| !bytes.is_empty()));
        Self::new(source, (None, filter), ending)
    }

    pub(in crate::proxy) fn upstream(
        mut body: UpstreamBody,
        front: (Option<Held>, Option<Filter>),
        ending: Ending,
    ) -> Self {
        body.give_back_at_end(&ending.client);
        Self::new(Source::Upstream(body), front, ending)
    }

    /// Nothing: the connection is about to speak another protocol.
    pub(in crate::proxy) fn none() -> Self {
        Self { front: None, source: Source::Local(None), ending: None }
    }

    fn new(source: Source, (held, filter): (Option<Held>, Option<Filter>), ending: Ending) -> Self {
        let front = if held.is_some() || filter.is_some() {
            Front::new(held, filter, source.is_over(), &ending.client)
        } else {
            None
        };
        Self { front, source, ending: Some(ending) }
    }
}

/// The source and the connection that waits for it.
struct Watched<'a> {
    source: &'a mut Source,
    client: &'a Client,
}

impl Frames for Watched<'_> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.source.poll(self.client, cx)
    }

    fn is_over(&self) -> bool {
        self.source.is_over()
    }
}

impl Source {
    fn poll(
        &mut self,
        client: &Client,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Local(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Upstream(body) => body.poll_frame(client, cx),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Local(bytes) => bytes.is_none(),
            Self::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Local(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Upstream(body) => body.size_hint(),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { front, source, ending } = &mut *self;
        let Some(ending) = ending else { return Poll::Ready(None) };
        let client = &*ending.client;
        let polled = match front {
            None => source.poll(client, cx),
            Some(front) => front.poll(cx, &mut Watched { source, client }),
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            ending.count_out(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.front {
            None => self.source.is_over(),
            Some(front) => front.is_over(self.source.is_over()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.source.size_hint();
        match &self.front {
            None => rest,
            Some(front) => front.size_hint(&rest),
        }
    }
}
