//! Idle connections of one worker thread, by endpoint.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use tokio::time::Instant;

use super::links::Links;
use super::shelf::Shelf;
use super::{ClientError, Connect, Connection, Endpoint, Speaks};

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
pub struct Pool<B> {
    idle: RefCell<Shelf<Endpoint, B>>,
    links: Links,
    settings: PoolSettings,
    connect: Connect,
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(settings: PoolSettings, connect: Connect) -> Self {
        Self { idle: RefCell::new(Shelf::new(settings)), links: Links::default(), settings, connect }
    }

    /// The most recently used idle connection that still works, or a stream of one that has room for it.
    pub fn take(&self, endpoint: &Endpoint) -> Option<Box<Connection<B>>> {
        match endpoint.speaks {
            Speaks::Http1 => self.idle.borrow_mut().take(endpoint),
            Speaks::Http2 => {
                let stream = self.links.take(endpoint, self.settings.max_requests)?;
                Some(Box::new(Connection::of_stream(stream)))
            }
        }
    }

    /// Keeps a connection, idle since `now`, unless it is worn out or the pool is full.
    pub fn put(&self, endpoint: &Endpoint, connection: Box<Connection<B>>, now: Instant) {
        self.idle.borrow_mut().put(endpoint, connection, now);
    }

    /// Whether so many idle connections are there, or one of HTTP/2 that has room.
    pub fn has(&self, endpoint: &Endpoint, count: usize) -> bool {
        match endpoint.speaks {
            Speaks::Http1 => self.idle.borrow().count(endpoint) >= count.min(self.settings.size),
            Speaks::Http2 => self.links.take::<B>(endpoint, self.settings.max_requests).is_some(),
        }
    }

    /// Closes what has been idle for too long. Called about once a second.
    pub fn sweep(&self) {
        self.idle.borrow_mut().sweep();
        self.links.sweep(self.settings.idle_timeout);
    }

    /// Opens a connection to `address` within `limit`. For HTTP/2 it is a stream, of a connection that somebody
    /// else has made meanwhile if there is one.
    ///
    /// # Errors
    ///
    /// Any [`ClientError`] of connecting.
    pub async fn open(
        &self,
        endpoint: &Endpoint,
        address: SocketAddr,
        limit: Duration,
    ) -> Result<Box<Connection<B>>, ClientError> {
        match endpoint.speaks {
            Speaks::Http1 => {
                let stream = self.connect.open(endpoint, address, limit).await?;
                Ok(Box::new(Connection::new(stream, address)))
            }
            Speaks::Http2 => {
                let goal = (endpoint.clone(), address);
                let limits = (limit, self.settings.max_requests);
                // Boxed, because it is rare: it shall not make every request's future larger.
                let stream = Box::pin(self.links.open(&self.connect, &goal, limits)).await?;
                Ok(Box::new(Connection::of_stream(stream)))
            }
        }
    }
}
