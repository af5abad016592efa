//! Idle connections of one worker thread, by endpoint.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::connect::Stream;
use super::{ClientError, Connect, Endpoint};

/// How long and how often a connection may be used again.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// Idle connections kept for one endpoint (Kong's `upstream_keepalive_pool_size`).
    pub size: usize,
    /// Requests on one connection before it is closed (`upstream_keepalive_max_requests`).
    /// `None` is no limit.
    pub max_requests: Option<u64>,
    /// An idle connection is closed after this (`upstream_keepalive_idle_timeout`).
    /// `None` is no limit.
    pub idle_timeout: Option<Duration>,
}

/// Idle connections of one worker thread; `B` is the body of requests.
///
/// Last in, first out, so that surplus connections grow old and are closed.
pub struct Pool<B> {
    idle: RefCell<HashMap<Endpoint, Vec<Idle<B>>, foldhash::fast::RandomState>>,
    settings: PoolSettings,
    connect: Connect,
}

struct Idle<B> {
    connection: Connection<B>,
    since: Instant,
}

/// One connection, in use by one request at a time.
pub struct Connection<B> {
    sender: SendRequest<B>,
    address: SocketAddr,
    requests: u64,
}

impl<B> Pool<B>
where
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(settings: PoolSettings, connect: Connect) -> Self {
        Self { idle: RefCell::default(), settings, connect }
    }

    /// The most recently used idle connection that still works.
    pub fn take(&self, endpoint: &Endpoint) -> Option<Connection<B>> {
        let mut idle = self.idle.borrow_mut();
        let connections = idle.get_mut(endpoint)?;
        // One that is not ready now may still be busy with the end of its last exchange.
        let at = connections.iter().rposition(|idle| idle.connection.sender.is_ready())?;
        Some(connections.remove(at).connection)
    }

    /// Keeps a connection for later, unless it is worn out or the pool is full.
    pub fn put(&self, endpoint: &Endpoint, connection: Connection<B>) {
        if connection.sender.is_closed()
            || self.settings.max_requests.is_some_and(|most| connection.requests >= most)
        {
            return;
        }
        let idle = Idle { connection, since: Instant::now() };
        let mut all = self.idle.borrow_mut();
        match all.get_mut(endpoint) {
            Some(connections) if connections.len() < self.settings.size => connections.push(idle),
            Some(_) => {}
            None => _ = all.insert(endpoint.clone(), vec![idle]),
        }
    }

    /// Closes what has been idle for too long. Called about once a second.
    pub fn sweep(&self) {
        let limit = self.settings.idle_timeout;
        let oldest = limit.and_then(|limit| Instant::now().checked_sub(limit));
        self.idle.borrow_mut().retain(|_, connections| {
            connections.retain(|idle| {
                oldest.is_none_or(|oldest| idle.since > oldest) && !idle.connection.sender.is_closed()
            });
            !connections.is_empty()
        });
    }

    /// Looks up the addresses of an endpoint.
    ///
    /// # Errors
    ///
    /// [`ClientError::Resolve`] if there is none.
    pub async fn resolve(&self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ClientError> {
        self.connect.resolve(endpoint).await
    }

    /// Opens a connection to `address` within `limit`; its driver runs on this thread until it closes.
    ///
    /// # Errors
    ///
    /// Any [`ClientError`] of connecting.
    pub async fn open(
        &self,
        endpoint: &Endpoint,
        address: SocketAddr,
        limit: Duration,
    ) -> Result<Connection<B>, ClientError> {
        let opened = self.connect.open(endpoint, address, limit).await?;
        let sender = match opened.stream {
            Stream::Plain(tcp) => drive(tcp).await?,
            Stream::Tls(tls) => drive(*tls).await?,
        };
        Ok(Connection { sender, address: opened.address, requests: 0 })
    }
}

impl<B: Body + 'static> Connection<B> {
    /// Where it goes.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it has carried a request before, so that the other side may have closed it since.
    pub fn is_reused(&self) -> bool {
        self.requests > 0
    }

    /// Sends a request and gives its response head.
    ///
    /// # Errors
    ///
    /// [`Unsent`]: the second part is the request, if nothing of it was written.
    pub fn send(
        &mut self,
        request: Request<B>,
    ) -> impl Future<Output = Result<Response<Incoming>, Unsent<B>>> + use<B> {
        self.requests += 1;
        let answer = self.sender.try_send_request(request);
        async move {
            answer.await.map_err(|mut error| {
                let request = error.take_message();
                (ClientError::Response { source: error.into_error() }, request)
            })
        }
    }
}

/// An error, and the request if nothing of it was written.
pub type Unsent<B> = (ClientError, Option<Request<B>>);

async fn drive<T, B>(stream: T) -> Result<SendRequest<B>, ClientError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let made = http1::Builder::new().handshake(TokioIo::new(stream)).await;
    let (sender, connection) = made.map_err(|source| ClientError::Response { source })?;
    // The outcome of each request reaches its sender; what is left here is an idle connection's end.
    tokio::task::spawn_local(async move { _ = connection.await });
    Ok(sender)
}
