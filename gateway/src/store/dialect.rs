//! Postgres and SQLite behind one shape: the only place that knows which of the two is in use.
//!
//! Statements are written once, with `$1`, `$2`, … which both understand. A [`Session`] is one
//! pooled connection; one that is dropped before its end is closed and not reused, so a caller who
//! goes away in the middle leaves no half transaction and no half answer behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::StoreError;
use super::settings::PING;

/// A parameter of a statement.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Integer(i64),
    MaybeInteger(Option<i64>),
    Id(Uuid),
    Bytes(&'a [u8]),
}

/// A row of an answer, read by position.
pub(super) enum Row {
    Postgres(sqlx::postgres::PgRow),
    Sqlite(sqlx::sqlite::SqliteRow),
}

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Every statement sees the same moment.
    Snapshot,
    /// The only writer of the moment.
    Write,
}

/// One connection, for one operation.
pub(super) struct Session {
    connection: Connection,
    clean: bool,
    _in_use: InUse,
}

/// Counts a connection in use until it is dropped.
pub(super) struct InUse(Arc<AtomicU32>);

impl InUse {
    pub(super) fn count(counter: &Arc<AtomicU32>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counter))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) enum Connection {
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}

/// Binds each value, runs `$method`, and gives what it gives.
macro_rules! run {
    ($self:expr, $sql:expr, $values:expr, $method:ident, $wrap:expr) => {
        match &mut $self.connection {
            Connection::Postgres(connection) => {
                let mut query = sqlx::query($sql);
                for value in $values {
                    query = bind_one!(query, value);
                }
                query.$method(&mut **connection).await.map($wrap.0)
            }
            Connection::Sqlite(connection) => {
                let mut query = sqlx::query($sql);
                for value in $values {
                    query = bind_one!(query, value);
                }
                query.$method(&mut **connection).await.map($wrap.1)
            }
        }
    };
}

macro_rules! bind_one {
    ($query:expr, $value:expr) => {
        match $value {
            Value::Text(text) => $query.bind(*text),
            Value::Integer(number) => $query.bind(*number),
            Value::MaybeInteger(number) => $query.bind(*number),
            Value::Id(id) => $query.bind(*id),
            Value::Bytes(bytes) => $query.bind(*bytes),
        }
    };
}

impl Session {
    pub(super) fn new(connection: Connection, in_use: InUse) -> Self {
        Self { connection, clean: false, _in_use: in_use }
    }

    /// For what speaks to the driver itself.
    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.connection {
            Connection::Postgres(_) => Dialect::Postgres,
            Connection::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Runs a statement; gives the number of rows it touched.
    pub(super) async fn execute(&mut self, sql: impl Sql, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let touched = (
            |done: sqlx::postgres::PgQueryResult| done.rows_affected(),
            |done: sqlx::sqlite::SqliteQueryResult| done.rows_affected(),
        );
        Ok(run!(self, sql.sql(), values, execute, touched)?)
    }

    /// Runs a query; gives all of its rows.
    pub(super) async fn rows(&mut self, sql: impl Sql, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let wrap = (
            |rows: Vec<_>| rows.into_iter().map(Row::Postgres).collect(),
            |rows: Vec<_>| rows.into_iter().map(Row::Sqlite).collect(),
        );
        Ok(run!(self, sql.sql(), values, fetch_all, wrap)?)
    }

    /// Runs a query; gives its first row.
    pub(super) async fn row(
        &mut self,
        sql: impl Sql,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let wrap = (|row: Option<_>| row.map(Row::Postgres), |row: Option<_>| row.map(Row::Sqlite));
        Ok(run!(self, sql.sql(), values, fetch_optional, wrap)?)
    }

    pub(super) async fn begin(&mut self, purpose: Purpose) -> Result<(), StoreError> {
        let statement = match (self.dialect(), purpose) {
            (Dialect::Postgres, Purpose::Snapshot) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            (Dialect::Postgres, Purpose::Write) => "BEGIN ISOLATION LEVEL READ COMMITTED",
            (Dialect::Sqlite, Purpose::Snapshot) => "BEGIN",
            (Dialect::Sqlite, Purpose::Write) => "BEGIN IMMEDIATE",
        };
        self.execute(statement, &[]).await.map(drop)
    }

    /// Makes the transaction lasting and gives the connection back.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.execute("COMMIT", &[]).await?;
        self.clean = true;
        Ok(())
    }

    /// Undoes the transaction and gives the connection back. If that fails the connection is
    /// closed, which undoes it too.
    pub(super) async fn roll_back(mut self) {
        self.clean = self.execute("ROLLBACK", &[]).await.is_ok();
    }

    /// Gives the connection back after statements outside a transaction.
    pub(super) fn finish(mut self) {
        self.clean = true;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        match (&mut self.connection, self.clean) {
            (Connection::Postgres(connection), true) => give_back(connection.return_to_pool()),
            (Connection::Sqlite(connection), true) => give_back(connection.return_to_pool()),
            (Connection::Postgres(connection), false) => connection.close_on_drop(),
            (Connection::Sqlite(connection), false) => connection.close_on_drop(),
        }
    }
}

/// On its way back a connection is asked whether it is well. The pool itself would wait for that answer for ever,
/// and have a place less, if the link was cut at this moment.
fn give_back(returning: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(tokio::time::timeout(PING, returning));
    }
}

impl Row {
    pub(super) fn text(&self, column: usize) -> Result<String, StoreError> {
        Ok(match self {
            Self::Postgres(row) => row.try_get(column)?,
            Self::Sqlite(row) => row.try_get(column)?,
        })
    }

    pub(super) fn integer(&self, column: usize) -> Result<i64, StoreError> {
        Ok(match self {
            Self::Postgres(row) => row.try_get(column)?,
            Self::Sqlite(row) => row.try_get(column)?,
        })
    }

    pub(super) fn maybe_integer(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Postgres(row) => row.try_get(column)?,
            Self::Sqlite(row) => row.try_get(column)?,
        })
    }

    pub(super) fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        Ok(match self {
            Self::Postgres(row) => row.try_get(column)?,
            Self::Sqlite(row) => row.try_get(column)?,
        })
    }

    pub(super) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        Ok(match self {
            Self::Postgres(row) => row.try_get(column)?,
            Self::Sqlite(row) => row.try_get(column)?,
        })
    }
}

/// The text of a statement. A `String` is one that this module's siblings put together from
/// constants and parameter numbers; a value never becomes part of it.
pub(super) trait Sql {
    fn sql(self) -> SqlStr;
}

impl Sql for &'static str {
    fn sql(self) -> SqlStr {
        self.into_sql_str()
    }
}

impl Sql for String {
    fn sql(self) -> SqlStr {
        AssertSqlSafe(self).into_sql_str()
    }
}
