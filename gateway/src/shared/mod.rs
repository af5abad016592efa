//! What plugins count and keep for all nodes: in Redis, one of an assignment's own or the gateway's, or in the
//! database of the gateway.
//!
//! Every operation is atomic on the server, is bounded in time, and fails at once while the server is
//! known to be away. It is driven by the control plane's runtime: a worker that asks only waits. This
//! room knows nothing about plugins; keys come in whole, with their namespace.

mod database;
mod error;
mod redis;
mod servers;
mod window;

use std::sync::Arc;

use tokio::runtime::Handle;

pub use error::SharedError;
pub use window::{Ask, Taken, Window, unix_ms};

use self::redis::Redis;
use self::servers::Servers;
pub use crate::config::RedisSettings;
use crate::store::Store;

/// Where somebody wants something to be kept.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// The Redis of the settings.
    Redis,
    /// A Redis of the asker's own.
    Server(Box<RedisSettings>),
    /// The database of the gateway.
    Database,
}

/// Where something is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Backend(Place);

#[derive(Debug, Clone)]
enum Place {
    Redis(Redis),
    Database(Store),
}

/// What is behind each backend. Cheap to clone; the default has none.
#[derive(Debug, Clone, Default)]
pub struct SharedState {
    redis: Option<Redis>,
    database: Option<Store>,
    /// Those that assignments brought: one connection for all that name the same.
    servers: Arc<Servers>,
    runtime: Option<Handle>,
}

impl SharedState {
    /// Sends nothing yet: the servers need not be up.
    ///
    /// # Errors
    ///
    /// [`SharedError::Settings`] if Redis cannot be reached with such settings at all.
    pub fn new(
        redis: Option<&RedisSettings>,
        database: Option<Store>,
        runtime: Handle,
    ) -> Result<Self, SharedError> {
        let redis = redis.map(|settings| Redis::new(settings, &runtime)).transpose()?;
        Ok(Self { redis, database, servers: Arc::default(), runtime: Some(runtime) })
    }

    /// The backend that serves whoever asks for `wanted`, or for none in particular: Redis if there is
    /// one, and else the database.
    ///
    /// # Errors
    ///
    /// [`SharedError::Missing`] if this gateway does not have it, [`SharedError::Settings`].
    pub fn backend(&self, wanted: Option<&Wanted>) -> Result<Backend, SharedError> {
        let redis = || self.redis.clone().map(Place::Redis);
        let database = || self.database.clone().map(Place::Database);
        let place = match wanted {
            None => redis().or_else(database),
            Some(Wanted::Redis) => redis(),
            Some(Wanted::Database) => database(),
            Some(Wanted::Server(settings)) => {
                let runtime = self.runtime.as_ref().ok_or(SharedError::Missing)?;
                Some(Place::Redis(self.servers.connect(settings, runtime)?))
            }
        };
        place.map(Backend).ok_or(SharedError::Missing)
    }

    /// Counts in a window, unless it is full.
    ///
    /// # Errors
    ///
    /// [`SharedError`] if the server does not answer, or not in time; here and below.
    pub async fn take(&self, backend: Backend, ask: Ask) -> Result<Taken, SharedError> {
        match backend.0 {
            Place::Redis(redis) => self.run(async move { redis.take(&ask).await }).await,
            Place::Database(store) => self.run(async move { database::take(&store, &ask).await }).await,
        }
    }

    /// Counts in all windows, or in none of them if one is full. One answer for each, in the same order.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub async fn take_all(&self, backend: Backend, asks: Vec<Ask>) -> Result<Vec<Taken>, SharedError> {
        match backend.0 {
            Place::Redis(redis) => self.run(async move { redis.take_all(&asks).await }).await,
            Place::Database(store) => self.run(async move { database::take_all(&store, &asks).await }).await,
        }
    }

    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub async fn get(&self, backend: Backend, key: String) -> Result<Option<Vec<u8>>, SharedError> {
        match backend.0 {
            Place::Redis(redis) => self.run(async move { redis.get(&key).await }).await,
            Place::Database(store) => {
                self.run(async move { Ok(store.shared_value(&key, unix_ms()).await?) }).await
            }
        }
    }

    /// Keeps `value` for `ttl_ms` milliseconds, at least one.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub async fn put(
        &self,
        backend: Backend,
        key: String,
        value: Vec<u8>,
        ttl_ms: u64,
    ) -> Result<(), SharedError> {
        match backend.0 {
            Place::Redis(redis) => self.run(async move { redis.put(&key, &value, ttl_ms).await }).await,
            Place::Database(store) => {
                self.run(async move { Ok(store.put_shared_value(&key, &value, ends(ttl_ms)).await?) }).await
            }
        }
    }

    /// Keeps the second of `values` for `ttl_ms` milliseconds if the first is what is kept now.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub async fn swap(
        &self,
        backend: Backend,
        key: String,
        values: (Option<Vec<u8>>, Vec<u8>),
        ttl_ms: u64,
    ) -> Result<bool, SharedError> {
        let (old, new) = values;
        match backend.0 {
            Place::Redis(redis) => {
                self.run(async move { redis.swap(&key, (old.as_deref(), &new), ttl_ms).await }).await
            }
            Place::Database(store) => {
                let times = (unix_ms(), ends(ttl_ms));
                let swap =
                    async move { Ok(store.swap_shared_value(&key, (old.as_deref(), &new), times).await?) };
                self.run(swap).await
            }
        }
    }

    /// Connections belong to the runtime that opens them, so that one does everything.
    async fn run<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, SharedError>> + Send + 'static,
    ) -> Result<T, SharedError> {
        let runtime = self.runtime.as_ref().ok_or(SharedError::Missing)?;
        // What panics or is cut off at shutdown looks like a server that is away.
        runtime.spawn(operation).await.unwrap_or(Err(SharedError::Late))
    }
}

/// The Unix millisecond at which something ends that lives `ttl_ms` from now.
fn ends(ttl_ms: u64) -> i64 {
    unix_ms().saturating_add(i64::try_from(ttl_ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
