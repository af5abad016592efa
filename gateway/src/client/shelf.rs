//! Idle connections by where they go.

use std::collections::HashMap;
use std::hash::Hash;

use bytes::Bytes;
use http_body::Body;
use tokio::time::Instant;

use super::{Connection, PoolSettings};

/// Idle connections by where they go; `B` is the body of requests. What tells one `K` from another must not
/// change hands: a connection is only ever taken by the key that it was put under.
///
/// Last in, first out, so that surplus connections grow old and are closed.
pub(super) struct Shelf<K, B> {
    idle: HashMap<K, Vec<Idle<B>>, foldhash::fast::RandomState>,
    settings: PoolSettings,
}

struct Idle<B> {
    /// Boxed once, since it is handed on several times for each request.
    connection: Box<Connection<B>>,
    since: Instant,
}

impl<K, B> Shelf<K, B>
where
    K: Clone + Eq + Hash,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Without any connection.
    pub(super) fn new(settings: PoolSettings) -> Self {
        Self { idle: HashMap::default(), settings }
    }

    /// The most recently used idle connection that still works.
    pub(super) fn take(&mut self, key: &K) -> Option<Box<Connection<B>>> {
        let connections = self.idle.get_mut(key)?;
        while let Some(Idle { mut connection, .. }) = connections.pop() {
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection, idle since `now`, unless it is worn out or there are enough. One that has not carried
    /// a request yet is as good as any.
    pub(super) fn put(&mut self, key: &K, connection: Box<Connection<B>>, now: Instant) {
        let worn_out = self.settings.max_requests.is_some_and(|most| connection.requests() >= most);
        let is_good = connection.requests() == 0 || connection.is_reusable();
        if worn_out || !is_good {
            return;
        }
        let idle = Idle { connection, since: now };
        match self.idle.get_mut(key) {
            Some(connections) if connections.len() < self.settings.size => connections.push(idle),
            Some(_) => {}
            None => _ = self.idle.insert(key.clone(), vec![idle]),
        }
    }

    /// How many idle connections there are to one place.
    pub(super) fn count(&self, key: &K) -> usize {
        self.idle.get(key).map_or(0, Vec::len)
    }

    /// Closes what has been idle for too long.
    pub(super) fn sweep(&mut self) {
        let limit = self.settings.idle_timeout;
        let oldest = limit.and_then(|limit| Instant::now().checked_sub(limit));
        self.idle.retain(|_, connections| {
            connections.retain_mut(|idle| {
                oldest.is_none_or(|oldest| idle.since > oldest) && idle.connection.is_quiet()
            });
            !connections.is_empty()
        });
    }

    /// How many there are, counted one key after the other.
    pub(super) fn len(&self) -> usize {
        self.idle.values().map(Vec::len).sum()
    }
}
