//! A body on its way through plugins: one call after the other, no more read than they can take.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use super::BodyError;
use crate::plugin_host::{CallFailure, Filter};
use crate::proxy::connection::Client;

/// The frames of a body as they come.
pub(super) trait Source {
    /// The next frame; arms the deadline for it.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>>;
    /// Whether it is known that no frame comes any more.
    fn is_over(&self) -> bool;
}

type Call = Pin<Box<dyn Future<Output = (Filter, Result<Frame<Bytes>, CallFailure>)>>>;

/// The plugins of one body, and how far the body is.
pub(in crate::proxy) struct Filtered {
    /// `None` while a call has it.
    filter: Option<Filter>,
    call: Option<Call>,
    trailers: Option<HeaderMap>,
    client: Rc<Client>,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Data,
    /// The plugins know that the data is over.
    Trailers,
    End,
}

impl Filtered {
    pub(super) fn new(filter: Filter, client: Rc<Client>) -> Self {
        Self { filter: Some(filter), call: None, trailers: None, client, at: At::Data }
    }

    pub(super) fn changes_length(&self) -> bool {
        self.filter.as_ref().is_none_or(Filter::changes_length)
    }

    pub(super) fn is_over(&self) -> bool {
        self.at == At::End
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut dyn Source,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if self.call.is_some() {
                match ready!(self.poll_call(cx)) {
                    Ok(frame) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                    Ok(frame) => return Poll::Ready(Some(Ok(frame))),
                    Err(failure) => return Poll::Ready(Some(Err(self.stop(failure)))),
                }
            }
            match self.at {
                At::End => return Poll::Ready(None),
                At::Trailers => self.end(),
                At::Data => match ready!(source.poll_next(cx)) {
                    Some(Ok(frame)) => {
                        if let Some(frame) = self.frame(frame, source.is_over()) {
                            return Poll::Ready(Some(Ok(frame)));
                        }
                    }
                    Some(Err(error)) => {
                        self.at = At::End;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => self.chunk(Bytes::new(), true),
                },
            }
        }
    }

    /// A call is bounded by the plugin host; the client and the upstream are not to blame for it.
    fn poll_call(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame<Bytes>, CallFailure>> {
        let Some(call) = &mut self.call else { return Poll::Pending };
        match call.as_mut().poll(cx) {
            Poll::Pending => {
                self.client.deadline.disarm();
                Poll::Pending
            }
            Poll::Ready((filter, passed)) => {
                (self.call, self.filter) = (None, Some(filter));
                Poll::Ready(passed)
            }
        }
    }

    /// Takes one frame in; gives it back if nobody wants it.
    fn frame(&mut self, frame: Frame<Bytes>, last: bool) -> Option<Frame<Bytes>> {
        match frame.into_data() {
            Ok(data) if !self.changes_length() => return Some(Frame::data(data)),
            Ok(data) => self.chunk(data, last),
            Err(frame) => {
                self.trailers = frame.into_trailers().ok();
                self.chunk(Bytes::new(), true);
            }
        }
        None
    }

    fn chunk(&mut self, data: Bytes, last: bool) {
        if last {
            self.at = At::Trailers;
        }
        let (client, Some(mut filter)) = (Rc::clone(&self.client), self.filter.take()) else { return };
        self.call = Some(Box::pin(async move {
            let passed = filter.chunk(&client.worker.instances, data, last).await;
            (filter, passed.map(Frame::data))
        }));
    }

    /// After the data: the trailers, if there are any.
    fn end(&mut self) {
        self.at = At::End;
        let (client, Some(mut filter)) = (Rc::clone(&self.client), self.filter.take()) else { return };
        let Some(trailers) = self.trailers.take() else {
            filter.end(&client.worker.instances);
            return;
        };
        self.call = Some(Box::pin(async move {
            let passed = filter.trailers(&client.worker.instances, trailers).await;
            filter.end(&client.worker.instances);
            (filter, passed.map(Frame::trailers))
        }));
    }

    fn stop(&mut self, failure: CallFailure) -> BodyError {
        self.at = At::End;
        self.filter = None;
        self.client.stop(failure.clone());
        BodyError::Plugin(failure)
    }
}
