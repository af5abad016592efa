//! One client connection: which HTTP it speaks, a deadline for each wait, and a clean end when draining.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderValue;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use tokio::io::{AsyncRead, AsyncWrite};

use super::body_pace::BodyPace;
use super::client_io::{ClientIo, Look};
use super::deadline::{Deadline, Wait};
use super::headers::ConnectionHeaders;
use super::opening::Origin;
use super::sleep::{self, OverSocket};
use super::strict::{HeadLimits, Malformed, Strict};
use super::tunnel::Tunnel;
use super::worker::Worker;
use super::{ResponseBody, handle, http2};
use crate::exchange::TlsFacts;
use crate::plugin_host::CallFailure;

/// How long a connection without a request may stay when the process drains: its next answer is its last.
const LAST_REQUEST: Duration = Duration::from_secs(1);

/// Header fields that hyper takes by default, without allocating.
const HYPER_MAX_HEADERS: usize = 100;

/// What is known about one client connection over HTTP/1, or about one stream over HTTP/2: what one
/// exchange after the other uses.
pub(super) struct Client {
    pub(super) peer: SocketAddr,
    pub(super) listener_port: u16,
    /// Where the client connected to. The address is looked up where routes can ask for it only.
    pub(super) destination: SocketAddr,
    /// The client that a balancer in front has named (PROXY protocol).
    pub(super) named: Option<SocketAddr>,
    pub(super) tls: Option<Arc<TlsFacts>>,
    pub(super) headers: ConnectionHeaders,
    pub(super) deadline: Rc<Deadline>,
    pub(super) worker: Rc<Worker>,
    bytes_in: Cell<u64>,
    pace: BodyPace,
    strict: RefCell<Strict>,
    requests: Cell<u64>,
    /// Why a plugin stopped the body of the current request.
    stopped: RefCell<Option<CallFailure>>,
    /// The upstream that has agreed to speak another protocol from here on.
    pub(super) tunnel: RefCell<Option<Tunnel>>,
}

impl Client {
    pub(super) fn new(worker: Rc<Worker>, origin: Origin, deadline: Rc<Deadline>) -> Self {
        let Origin { peer, port: listener_port, destination, named, tls } = origin;
        let ip = peer.ip().to_canonical();
        let headers = ConnectionHeaders {
            // An IP address is always a valid header value.
            peer: HeaderValue::from_str(&ip.to_string()).unwrap_or(HeaderValue::from_static("")),
            port: HeaderValue::from(listener_port),
            trusted: worker.settings.trusted_ips.iter().any(|range| range.contains(ip)),
        };
        deadline.arm(Wait::Idle, worker.settings.client_header_timeout);
        Self {
            peer: SocketAddr::new(ip, peer.port()),
            listener_port,
            destination,
            named,
            tls,
            headers,
            deadline,
            worker,
            bytes_in: Cell::new(0),
            pace: BodyPace::default(),
            strict: RefCell::default(),
            requests: Cell::new(0),
            stopped: RefCell::default(),
            tunnel: RefCell::default(),
        }
    }

    /// More of the current request's body is awaited from now on.
    pub(super) fn await_body(&self) {
        let settings = &self.worker.settings;
        let (rate, limit) = (settings.client_body_min_rate, settings.client_body_timeout);
        let patience = self.pace.wait(self.deadline.now(), self.bytes_in.get(), rate, limit);
        self.deadline.arm(Wait::RequestBody, patience);
    }

    /// One stream of this connection.
    pub(super) fn stream(&self) -> Self {
        Self {
            peer: self.peer,
            listener_port: self.listener_port,
            destination: self.destination,
            named: self.named,
            tls: self.tls.clone(),
            headers: self.headers.clone(),
            deadline: self.worker.deadlines.register(),
            worker: Rc::clone(&self.worker),
            bytes_in: Cell::new(0),
            pace: BodyPace::default(),
            strict: RefCell::default(),
            requests: Cell::new(0),
            stopped: RefCell::default(),
            tunnel: RefCell::default(),
        }
    }

    /// Counts bytes of the current request's body; false once they are more than is allowed.
    pub(super) fn count_in(&self, bytes: usize) -> bool {
        self.pace.came(self.deadline.now());
        self.bytes_in.set(self.bytes_in.get() + bytes as u64);
        !self.is_too_large(self.bytes_in.get())
    }

    /// Whether a body of this size is more than is allowed.
    pub(super) fn is_too_large(&self, body_bytes: u64) -> bool {
        self.worker.settings.client_max_body_size.is_some_and(|most| body_bytes > most)
    }

    /// Whether the current request's body has turned out too large.
    pub(super) fn has_sent_too_much(&self) -> bool {
        self.is_too_large(self.bytes_in.get())
    }

    /// A plugin stopped the body of the current request.
    pub(super) fn stop(&self, failure: CallFailure) {
        self.stopped.replace(Some(failure));
    }

    /// Why it did, if it did.
    pub(super) fn take_stopped(&self) -> Option<CallFailure> {
        self.stopped.take()
    }

    /// The count of the request that ends, for its log.
    pub(super) fn take_bytes_in(&self) -> u64 {
        self.bytes_in.take()
    }

    /// A read came in: strict framing, and the head's deadline from its first byte on.
    fn look(&self, bytes: &[u8]) -> Result<(), Malformed> {
        if self.deadline.wait() == Wait::Idle {
            self.deadline.arm(Wait::Head, self.worker.settings.client_header_timeout);
        }
        let settings = &self.worker.settings;
        let limits =
            HeadLimits { head: settings.client_max_header_size, line: settings.client_max_header_line_size };
        self.strict.borrow_mut().look(bytes, self.requests.get(), limits)
    }

    /// Begins the next request of this connection, unless its head was malformed.
    pub(super) fn begin_request(&self) -> Result<(), Malformed> {
        self.deadline.disarm();
        self.worker.metrics.request_begun();
        self.stopped.take();
        self.pace.restart();
        let number = self.requests.get();
        self.requests.set(number + 1);
        self.strict.borrow().verdict(number)
    }

    /// Whether hyper holds nothing of this connection that is still needed.
    fn may_sleep(&self) -> bool {
        self.deadline.is_quiet() && self.strict.borrow().is_between(self.requests.get())
    }

    /// The exchange is over: from here on the next request is awaited.
    pub(super) fn idle(&self) {
        self.deadline.arm(Wait::Idle, self.worker.settings.client_keepalive_timeout);
    }
}

/// HTTP/2 if the client knows, else HTTP/1.
pub(super) async fn either<S: OverSocket>(client: Rc<Client>, stream: S) {
    match http2::by_prior_knowledge(&client, stream).await {
        Some((true, stream)) => http2::serve(client, stream).await,
        Some((false, stream)) => http1(client, stream).await,
        None => {}
    }
}

/// Serves one connection over HTTP/1 to its end. What its requests need is there only while they need it: whoever
/// says nothing has a socket and a deadline.
pub(super) async fn http1<S: OverSocket>(client: Rc<Client>, mut stream: S) {
    // With the end of a handshake a request may have come already, which the socket no longer has.
    let mut is_awake = client.tls.is_some();
    while is_awake || asked(&mut stream, &client).await {
        is_awake = false;
        // Boxed, so that it is gone when the connection sleeps.
        let mut connection = Box::new(serve_http1(&client, stream));
        let ended = drive(&mut connection, &client).await;
        if ended == Ended::Asleep {
            stream = connection.into_parts().io.stream;
            continue;
        }
        // It is taken in any case: it keeps the client alive.
        let tunnel = client.tunnel.take();
        if let (Some(tunnel), Ended::InOrder) = (tunnel, ended) {
            let parts = connection.into_parts();
            Box::pin(tunnel.run(parts.io.stream, parts.read_buf)).await;
        }
        return;
    }
}

/// Waits for something to read; false if it takes too long.
async fn asked<S: OverSocket>(stream: &mut S, client: &Client) -> bool {
    let mut told = false;
    std::future::poll_fn(|cx| {
        client.deadline.register(cx);
        if client.worker.draining.get() && !std::mem::replace(&mut told, true) {
            client.deadline.arm(Wait::Idle, LAST_REQUEST);
        }
        match sleep::poll_awake(stream, cx) {
            Poll::Ready(()) => {
                client.deadline.stir();
                Poll::Ready(true)
            }
            Poll::Pending if client.deadline.client_is_late() => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The connection, with hyper at work.
fn serve_http1<S: OverSocket>(
    client: &Rc<Client>,
    stream: S,
) -> http1::Connection<
    ClientIo<S, Heads>,
    impl HttpService<Incoming, ResBody = ResponseBody, Error = Infallible> + Unpin,
> {
    let io = ClientIo { stream, client: Rc::clone(client), look: Heads };
    let handler = Rc::clone(client);
    let service = service_fn(move |request| handle::handle(Rc::clone(&handler), request));
    let mut http = http1::Builder::new();
    let settings = &client.worker.settings;
    http.max_buf_size(settings.client_max_header_size.max(8192))
        .max_header_size(settings.client_max_header_size)
        // hyper would ask the clock for each response; the worker knows the date.
        .auto_date_header(false);
    // With any other number than its default hyper allocates twice 4 KiB for each head.
    if settings.client_max_headers != HYPER_MAX_HEADERS {
        http.max_headers(settings.client_max_headers);
    }
    http.serve_connection(io, service)
}

/// Looks at what comes as HTTP/1.
struct Heads;

impl Look for Heads {
    fn read(&mut self, client: &Client, bytes: &[u8]) -> Result<(), Malformed> {
        client.look(bytes)
    }
}

/// How a connection is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// As HTTP has it.
    InOrder,
    /// In the midst of something, or late.
    Broken,
    /// It has not ended: nothing is under way, and has not been for a while.
    Asleep,
}

/// Polls a connection until it ends, its client is late, or the drain has closed it; or until it may sleep.
async fn drive<I, S>(connection: &mut http1::Connection<ClientIo<I, Heads>, S>, client: &Client) -> Ended
where
    I: AsyncRead + AsyncWrite + Unpin,
    S: HttpService<Incoming, ResBody = ResponseBody> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut draining, mut known) = (false, None::<u64>);
    std::future::poll_fn(|cx: &mut Context<'_>| {
        client.deadline.register(cx);
        if client.worker.draining.get() && !draining {
            // Who has only just connected, or been answered, may be about to ask, and would lose that request.
            let (idle, requests) = (client.deadline.wait() == Wait::Idle, client.requests.get());
            if idle && known.is_none() {
                known = Some(requests);
                client.deadline.arm(Wait::Idle, LAST_REQUEST);
            } else if !idle || known != Some(requests) {
                draining = true;
                Pin::new(&mut *connection).graceful_shutdown();
            }
        }
        // How a connection ends is the client's business; what matters of it stands in the access log.
        match Pin::new(&mut *connection).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ended::InOrder),
            Poll::Ready(Err(_)) => Poll::Ready(Ended::Broken),
            Poll::Pending if client.deadline.client_is_late() => Poll::Ready(Ended::Broken),
            Poll::Pending if client.may_sleep() => Poll::Ready(Ended::Asleep),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
