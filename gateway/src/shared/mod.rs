//! What plugins count and keep for all nodes: in Redis, or in the database of the gateway.
//!
//! Every operation is atomic on the server, is bounded in time, and fails at once while the server is
//! known to be away. It is driven by the control plane's runtime: a worker that asks only waits. This
//! room knows nothing about plugins; keys come in whole, with their namespace.

mod database;
mod error;
mod redis;
mod window;

use tokio::runtime::Handle;

pub use error::SharedError;
pub use window::{Ask, Taken, Window, unix_ms};

use self::redis::Redis;
use crate::config::RedisSettings;
use crate::store::Store;

/// Where something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// The Redis of the settings.
    Redis,
    /// The database of the gateway.
    Database,
}

/// What is behind each backend. Cheap to clone; the default has none.
#[derive(Debug, Clone, Default)]
pub struct SharedState {
    redis: Option<Redis>,
    database: Option<Store>,
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
        Ok(Self { redis, database, runtime: Some(runtime) })
    }

    /// The backend that serves whoever asks for `wanted`, or for none in particular: Redis if there is
    /// one, and else the database. `None` if this gateway does not have it.
    pub fn backend(&self, wanted: Option<Backend>) -> Option<Backend> {
        match wanted {
            Some(Backend::Redis) | None if self.redis.is_some() => Some(Backend::Redis),
            Some(Backend::Database) | None if self.database.is_some() => Some(Backend::Database),
            Some(_) | None => None,
        }
    }

    /// Counts in a window, unless it is full.
    ///
    /// # Errors
    ///
    /// [`SharedError`] if the server does not answer, or not in time; here and below.
    pub async fn take(&self, backend: Backend, ask: Ask) -> Result<Taken, SharedError> {
        match backend {
            Backend::Redis => {
                let redis = self.redis()?;
                self.run(async move { redis.take(&ask).await }).await
            }
            Backend::Database => {
                let store = self.store()?;
                self.run(async move { database::take(&store, &ask).await }).await
            }
        }
    }

    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub async fn get(&self, backend: Backend, key: String) -> Result<Option<Vec<u8>>, SharedError> {
        match backend {
            Backend::Redis => {
                let redis = self.redis()?;
                self.run(async move { redis.get(&key).await }).await
            }
            Backend::Database => {
                let store = self.store()?;
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
        match backend {
            Backend::Redis => {
                let redis = self.redis()?;
                self.run(async move { redis.put(&key, &value, ttl_ms).await }).await
            }
            Backend::Database => {
                let store = self.store()?;
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
        match backend {
            Backend::Redis => {
                let redis = self.redis()?;
                self.run(async move { redis.swap(&key, (old.as_deref(), &new), ttl_ms).await }).await
            }
            Backend::Database => {
                let store = self.store()?;
                let times = (unix_ms(), ends(ttl_ms));
                let swap =
                    async move { Ok(store.swap_shared_value(&key, (old.as_deref(), &new), times).await?) };
                self.run(swap).await
            }
        }
    }

    fn redis(&self) -> Result<Redis, SharedError> {
        self.redis.clone().ok_or(SharedError::Missing)
    }

    fn store(&self) -> Result<Store, SharedError> {
        self.database.clone().ok_or(SharedError::Missing)
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
