//! Idle connections of one worker thread, by endpoint.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use tokio::time::Instant;

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
///
/// Last in, first out, so that surplus connections grow old and are closed.
pub struct Pool<B> {
    idle: RefCell<HashMap<Endpoint, Vec<Idle<B>>, foldhash::fast::RandomState>>,
    settings: PoolSettings,
    connect: Connect,
}

struct Idle<B> {
    /// Boxed once, since it is handed on several times for each request.
    connection: Box<Connection<B>>,
    since: Instant,
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(settings: PoolSettings, connect: Connect) -> Self {
        Self { idle: RefCell::default(), settings, connect }
    }

    /// The most recently used idle connection that still works.
    pub fn take(&self, endpoint: &Endpoint) -> Option<Box<Connection<B>>> {
        let mut idle = self.idle.borrow_mut();
        let connections = idle.get_mut(endpoint)?;
        while let Some(Idle { mut connection, .. }) = connections.pop() {
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection, idle since `now`, unless it is worn out or the pool is full.
    pub fn put(&self, endpoint: &Endpoint, connection: Box<Connection<B>>, now: Instant) {
        let worn_out = self.settings.max_requests.is_some_and(|most| connection.requests() >= most);
        if worn_out || !connection.is_reusable() {
            return;
        }
        let idle = Idle { connection, since: now };
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
            connections.retain_mut(|idle| {
                oldest.is_none_or(|oldest| idle.since > oldest) && idle.connection.is_quiet()
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
