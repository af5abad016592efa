//! Idle connections of one worker thread, by endpoint.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use tokio::time::Instant;

use super::shelf::Shelf;
use super::{ClientError, Connect, Connection, Endpoint};

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
    connect: Connect,
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(settings: PoolSettings, connect: Connect) -> Self {
        Self { idle: RefCell::new(Shelf::new(settings)), connect }
    }

    /// The most recently used idle connection that still works.
    pub fn take(&self, endpoint: &Endpoint) -> Option<Box<Connection<B>>> {
        self.idle.borrow_mut().take(endpoint)
    }

    /// Keeps a connection, idle since `now`, unless it is worn out or the pool is full.
    pub fn put(&self, endpoint: &Endpoint, connection: Box<Connection<B>>, now: Instant) {
        self.idle.borrow_mut().put(endpoint, connection, now);
    }

    /// Closes what has been idle for too long. Called about once a second.
    pub fn sweep(&self) {
        self.idle.borrow_mut().sweep();
    }

    /// Opens a connection to `address` within `limit`.
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
        let stream = self.connect.open(endpoint, address, limit).await?;
        Ok(Box::new(Connection::new(stream, address)))
    }
}
