//! The store as the rest of the process holds it: pools, deadlines, and the entry of every operation.
//!
//! An operation gets a session, runs under a deadline and tells [`Availability`] how it ended; what
//! it does with the session is in the file of its name.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::pool::{Pool, PoolConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, Executor};
use tokio::sync::watch;

use super::availability::{Attempt, Availability, Resting};
use super::dialect::{Connection, InUse, Purpose, Session};
use super::indexed::indexed;
use super::sealed::{Sealer, Sealing};
use super::settings::{ACQUIRE_TIMEOUT, LATELY, OPERATION_TIMEOUT, PING, POSTGRES_SESSION, Target};
use super::{StoreError, StoreSettings};
use crate::sealing::Keyring;

/// Number of a write. Grows by one with every write, in the order of commits; 0 before the first.
pub type Revision = i64;

/// The database. A clone is cheap and shares the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) pools: Pools,
    pub(super) availability: Arc<Availability>,
    pub(super) sealing: Arc<Sealing>,
    /// The newest revision that this process wrote.
    pub(super) written: watch::Sender<Revision>,
}

/// Writers have connections of their own, so that a queue of them does not keep readers out.
#[derive(Debug)]
pub(super) enum Pools {
    Postgres {
        read: Counted<PgPool>,
        write: Counted<PgPool>,
        /// For what plugins count and keep.
        shared: Counted<PgPool>,
        listen: PgPool,
    },
    Sqlite {
        read: Counted<SqlitePool>,
        write: Counted<SqlitePool>,
        /// Keeps a database in memory alive while its pool has no connection.
        _keeper: Option<Mutex<SqliteConnection>>,
    },
}

/// A pool that knows how many of its connections are in use: a wait that ends in vain while all of
/// them are means that the process is busy, and otherwise that the database is away.
#[derive(Debug)]
pub(super) struct Counted<P> {
    pool: P,
    in_use: Arc<AtomicU32>,
    size: u32,
}

impl<DB: sqlx::Database> Counted<Pool<DB>> {
    fn new(pool: Pool<DB>) -> Self {
        let size = pool.options().get_max_connections();
        Self { pool, in_use: Arc::default(), size }
    }

    /// A connection. A server that answered a moment ago is waited for once more: it may have stood still, or this
    /// machine did, and neither is an outage.
    async fn session(
        &self,
        availability: &Availability,
        wrap: fn(PoolConnection<DB>) -> Connection,
    ) -> Result<Session, StoreError> {
        let is_full = || self.in_use.load(Ordering::Relaxed) >= self.size;
        let mut acquired = self.pool.acquire().await;
        let timed_out = matches!(acquired, Err(sqlx::Error::PoolTimedOut));
        if timed_out && !is_full() && availability.answered_within(LATELY) {
            acquired = self.pool.acquire().await;
        }
        match acquired {
            Ok(connection) => Ok(Session::new(wrap(connection), InUse::count(&self.in_use))),
            Err(sqlx::Error::PoolTimedOut) if is_full() => {
                Err(StoreError::busy("all connections are in use"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Store {
    /// Opens the database. A Postgres server need not be up yet: nothing is sent to it here.
    ///
    /// # Errors
    ///
    /// - [`StoreError::Settings`] if the settings cannot be used.
    /// - [`StoreError::Unavailable`] if the SQLite file cannot be opened or made.
    pub async fn connect(settings: &StoreSettings) -> Result<Self, StoreError> {
        Self::connect_with(settings, None).await
    }

    /// The same with keys for secrets; [`unlock`](Self::unlock) says whether they fit.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with(
        settings: &StoreSettings,
        keys: Option<Arc<Keyring>>,
    ) -> Result<Self, StoreError> {
        let availability = Arc::new(Availability::new("the database", OPERATION_TIMEOUT));
        let pools = match settings.target()? {
            Target::Postgres(options) => postgres(*options, &availability),
            Target::Sqlite(path) => sqlite(&path, keys.is_some()).await?,
            Target::Memory => memory().await?,
        };
        let inner = Inner {
            pools,
            availability,
            sealing: Arc::new(Sealing { keys, ..Sealing::default() }),
            written: watch::channel(0).0,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// False from the first failure until the database answers again.
    pub fn is_available(&self) -> bool {
        !self.inner.availability.is_away()
    }

    /// Whether other nodes may work with the same database.
    pub fn is_shared(&self) -> bool {
        matches!(self.inner.pools, Pools::Postgres { .. })
    }

    /// Closes all connections. Operations fail from then on.
    pub async fn close(&self) {
        match &self.inner.pools {
            Pools::Postgres { read, write, shared, listen } => {
                let (read, write, shared) = (read.pool.close(), write.pool.close(), shared.pool.close());
                tokio::join!(read, write, shared, listen.close());
            }
            Pools::Sqlite { read, write, .. } => {
                tokio::join!(read.pool.close(), write.pool.close());
            }
        }
    }

    /// The form of a unique value by which a cache may know it: the same before and after the value was
    /// sealed. A hash of a secret, where there are keys; otherwise mostly the value.
    pub fn key_text<'a>(&self, kind: &str, field: &str, value: &'a str) -> Cow<'a, str> {
        self.inner.sealing.lasting(kind, field, indexed(value))
    }

    /// The same of a value in the form in which the change feed tells it.
    pub fn lasting_key_text<'a>(&self, kind: &str, field: &str, text: &'a str) -> Cow<'a, str> {
        self.inner.sealing.lasting(kind, field, Cow::Borrowed(text))
    }

    /// How a write keeps secrets, in a database that is `sealed` or not.
    pub(super) async fn sealer(&self, session: &mut Session, sealed: bool) -> Result<Sealer, StoreError> {
        let sealing = Arc::clone(&self.inner.sealing);
        if sealed && sealing.index(session).await?.is_none() {
            let text = "the secrets in the database are sealed, and encryption_keys is not set";
            return Err(StoreError::Sealed(text.to_owned()));
        }
        Ok(Sealer { sealing, on: sealed })
    }

    /// Runs an operation under its deadline, or refuses it at once while the database is away. Whether
    /// it is back is found out by those that run in the background, [`trying`](Self::trying).
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let admitted = self.inner.availability.admit_waiting();
        self.observed(admitted, limit, operation).await
    }

    /// The same for an operation that may find out whether the database is back.
    pub(super) async fn trying<T>(
        &self,
        limit: Duration,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let admitted = self.inner.availability.admit();
        self.observed(admitted, limit, operation).await
    }

    async fn observed<T>(
        &self,
        admitted: Result<Attempt, Resting>,
        limit: Duration,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let attempt = admitted.map_err(|resting| StoreError::outage(resting.to_string()))?;
        let outcome = match tokio::time::timeout(limit, operation).await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::late("the operation")),
        };
        self.inner.availability.observe(attempt, outcome.as_ref().err().and_then(StoreError::outage_reason));
        outcome
    }

    /// A connection for single statements.
    pub(super) async fn reader(&self) -> Result<Session, StoreError> {
        match &self.inner.pools {
            Pools::Postgres { read, .. } => {
                read.session(&self.inner.availability, Connection::Postgres).await
            }
            Pools::Sqlite { read, .. } => read.session(&self.inner.availability, Connection::Sqlite).await,
        }
    }

    /// A connection for what plugins count and keep. SQLite has one writer.
    pub(super) async fn sharer(&self) -> Result<Session, StoreError> {
        match &self.inner.pools {
            Pools::Postgres { shared, .. } => {
                shared.session(&self.inner.availability, Connection::Postgres).await
            }
            Pools::Sqlite { write, .. } => write.session(&self.inner.availability, Connection::Sqlite).await,
        }
    }

    /// A transaction in which every statement sees the same moment.
    pub(super) async fn snapshot(&self) -> Result<Session, StoreError> {
        let mut session = self.reader().await?;
        session.begin(Purpose::Snapshot).await?;
        Ok(session)
    }

    /// A transaction that may write.
    pub(super) async fn writer(&self) -> Result<Session, StoreError> {
        let mut session = match &self.inner.pools {
            Pools::Postgres { write, .. } => {
                write.session(&self.inner.availability, Connection::Postgres).await?
            }
            Pools::Sqlite { write, .. } => {
                write.session(&self.inner.availability, Connection::Sqlite).await?
            }
        };
        session.begin(Purpose::Write).await?;
        Ok(session)
    }
}

/// Seconds since 1970, by the clock of this node.
pub(super) fn now_unix() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn postgres(options: PgConnectOptions, availability: &Arc<Availability>) -> Pools {
    let options = options.application_name("weir").disable_statement_logging();
    let pool = |connections: u32| {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(Duration::from_secs(300))
            .max_lifetime(Duration::from_secs(1800))
            .test_before_acquire(false)
            .before_acquire({
                let availability = Arc::clone(availability);
                move |connection, about| {
                    let doubtful = availability.failed_within(about.age);
                    Box::pin(answers(connection, doubtful))
                }
            })
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(POSTGRES_SESSION).await.map(drop) })
            })
    };
    Pools::Postgres {
        read: Counted::new(pool(8).connect_lazy_with(options.clone())),
        // They take turns at the revision row: more than two would only wait there.
        write: Counted::new(pool(2).connect_lazy_with(options.clone())),
        shared: Counted::new(pool(8).connect_lazy_with(options.clone())),
        listen: pool(1).max_lifetime(None).idle_timeout(None).connect_lazy_with(options),
    }
}

/// Whether a connection that was idle leads anywhere. One on a link that was cut is silent, and says so
/// to nobody.
async fn answers(connection: &mut PgConnection, doubtful: bool) -> Result<bool, sqlx::Error> {
    let answer = async { tokio::time::timeout(PING, connection.ping()).await };
    Ok(!doubtful && answer.await.is_ok_and(|answer| answer.is_ok()))
}

async fn sqlite(path: &Path, wipe: bool) -> Result<Pools, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A write that was answered survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(3))
        // It writes nowhere but beside its file.
        .pragma("temp_store", "memory")
        // What was there before it was sealed is not to be read in free pages.
        .pragma("secure_delete", if wipe { "on" } else { "off" })
        .disable_statement_logging();
    let write = sqlite_pool(1).connect_with(options.clone()).await?;
    let read = sqlite_pool(4).connect_lazy_with(options);
    Ok(Pools::Sqlite { read: Counted::new(read), write: Counted::new(write), _keeper: None })
}

async fn memory() -> Result<Pools, StoreError> {
    // Each call makes a database with a name of its own; see `SqliteConnectOptions::from_str`.
    let options = SqliteConnectOptions::from_str("sqlite::memory:")?.disable_statement_logging();
    let keeper = options.connect().await?;
    // One connection: those that share a memory lock whole tables against each other.
    let pool = sqlite_pool(1).connect_with(options).await?;
    let (read, write) = (Counted::new(pool.clone()), Counted::new(pool));
    Ok(Pools::Sqlite { read, write, _keeper: Some(Mutex::new(keeper)) })
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        // A file is always there: only a busy machine, or other writers, make it take long.
        .acquire_timeout(OPERATION_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
}
