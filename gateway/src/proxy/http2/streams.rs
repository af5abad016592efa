//! The streams of one connection: each is a task, with a deadline of its own.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;

use super::body::StreamBody;
use super::translate::translate;
use crate::proxy::connection::Client;
use crate::proxy::deadline::Wait;
use crate::proxy::handle;
use crate::task;

/// What the streams of one connection share.
pub(super) struct Link {
    /// The connection: its deadline is for what concerns no single stream.
    client: Rc<Client>,
    /// Streams that run.
    open: Cell<usize>,
    /// How long the connection may be idle.
    patience: Cell<Duration>,
    /// The stream that hyper has just asked for and is about to start.
    next: RefCell<Option<(Rc<Client>, Running)>>,
}

impl Link {
    pub(super) fn new(client: Rc<Client>) -> Rc<Self> {
        let patience = Cell::new(client.worker.settings.client_keepalive_timeout);
        Rc::new(Self { client, open: Cell::new(0), patience, next: RefCell::default() })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// One stream's request, and its response. hyper hands the future on to [`Streams`] at once.
    pub(super) fn serve(
        self: &Rc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<StreamBody>, Infallible>> + use<> {
        let client = Rc::new(self.client.stream());
        client.worker.metrics.request_begun();
        self.next.replace(Some((Rc::clone(&client), Running::new(self))));
        async move {
            let (request, verdict) = translate(request, &client.worker.settings);
            let response = handle::answer(Rc::clone(&client), request, verdict).await?;
            Ok(StreamBody::wrap(response, client))
        }
    }

    /// Whether the client has begun a head and not ended it.
    pub(super) fn awaits_head(&self, awaits: bool) {
        let deadline = &self.client.deadline;
        match (awaits, deadline.wait() == Wait::Head) {
            (true, false) => deadline.arm(Wait::Head, self.client.worker.settings.client_header_timeout),
            (false, true) => self.settle(),
            (true, true) | (false, false) => {}
        }
    }

    /// From here on an idle connection ends after `patience`.
    pub(super) fn close_when_idle(&self, patience: Duration) {
        self.patience.set(patience);
        self.settle();
    }

    /// Waits for the next stream if none runs; each that runs has a deadline of its own.
    fn settle(&self) {
        if self.open.get() == 0 {
            self.client.deadline.arm(Wait::Idle, self.patience.get());
        } else {
            self.client.deadline.disarm();
        }
    }
}

/// One stream that runs.
struct Running(Rc<Link>);

impl Running {
    fn new(link: &Rc<Link>) -> Self {
        link.open.set(link.open.get() + 1);
        link.settle();
        Self(Rc::clone(link))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        if self.0.client.deadline.wait() != Wait::Head {
            self.0.settle();
        }
    }
}

/// Starts the tasks of one connection's streams.
#[derive(Clone)]
pub(super) struct Streams(pub(super) Rc<Link>);

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        // Only streams that `Link::serve` has seen are started; a tunnel of CONNECT is not.
        let Some((client, running)) = self.0.next.take() else { return };
        drop(task::spawn_local("stream", async move {
            drive(stream, &client).await;
            drop(running);
        }));
    }
}

/// Polls one stream until it ends, or its client is late; then it is dropped, which resets it.
async fn drive(stream: impl Future<Output = ()>, client: &Client) {
    let mut stream = pin!(stream);
    poll_fn(|cx| {
        client.deadline.register(cx);
        // What wakes a stream whose client is slow is room in its window.
        client.deadline.still_stalls(client.worker.settings.client_send_timeout);
        match stream.as_mut().poll(cx) {
            Poll::Pending if client.deadline.client_is_late() => Poll::Ready(()),
            polled @ (Poll::Pending | Poll::Ready(())) => polled,
        }
    })
    .await;
}
