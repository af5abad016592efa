//! What nodes count and keep together: counters of windows, and values with an end.
//!
//! Nothing here is part of the configuration: no revision, no change feed. Each operation is atomic: one
//! statement, or a transaction where there are several counters. Postgres has connections of its own for it, so that a flood of
//! counting keeps nobody from the configuration.

use super::dialect::{Purpose, Session, Value};
use super::settings::OPERATION_TIMEOUT;
use super::{Store, StoreError};

/// Rows that one sweep deletes from each table.
const SWEEP: i64 = 10_000;

/// A counter that is to be added to, together with others.
#[derive(Debug, Clone)]
pub struct SharedCounter {
    /// Its name; one for each window.
    pub key: String,
    /// What is added.
    pub cost: i64,
    /// What it may hold at most.
    pub limit: i64,
    /// Unix milliseconds after which it says nothing any more.
    pub expires_ms: i64,
}

impl Store {
    /// Adds to all counters, or to none of them if one would pass its limit. Gives whether they were added to, and
    /// what they hold now, in the same order.
    ///
    /// # Errors
    ///
    /// As [`count_shared`](Self::count_shared).
    pub async fn count_all_shared(&self, counters: &[SharedCounter]) -> Result<(bool, Vec<i64>), StoreError> {
        let whole = async {
            let mut session = self.sharer().await?;
            session.begin(Purpose::Write).await?;
            // Always in one order, so that two callers cannot wait for each other.
            let mut order: Vec<_> = counters.iter().enumerate().collect();
            order.sort_by(|(_, one), (_, other)| one.key.cmp(&other.key));
            let (mut all, mut counts) = (true, Vec::with_capacity(order.len()));
            for (at, counter) in order {
                let SharedCounter { key, cost, limit, expires_ms } = counter;
                let added = add(&mut session, key, (*cost, *limit), *expires_ms).await?;
                all &= added.is_some();
                let held = match added {
                    Some(held) => (held, *cost),
                    None => (counted(&mut session, key).await?, 0),
                };
                counts.push((at, held));
            }
            if all {
                session.commit().await?;
            } else {
                session.roll_back().await;
            }
            counts.sort_unstable();
            let left = |(_, (held, added)): (usize, (i64, i64))| if all { held } else { held - added };
            Ok((all, counts.into_iter().map(left).collect()))
        };
        self.within(OPERATION_TIMEOUT, whole).await
    }

    /// Adds `cost` to a counter if it does not pass `limit` with it. Gives whether it was added, and what
    /// the counter holds now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`], here and below.
    pub async fn count_shared(
        &self,
        key: &str,
        (cost, limit): (i64, i64),
        expires_ms: i64,
    ) -> Result<(bool, i64), StoreError> {
        self.shared(async |session| match add(session, key, (cost, limit), expires_ms).await? {
            Some(counted) => Ok((true, counted)),
            None => Ok((false, counted(session, key).await?)),
        })
        .await
    }

    /// What a counter holds.
    ///
    /// # Errors
    ///
    /// As [`count_shared`](Self::count_shared).
    pub async fn shared_count(&self, key: &str) -> Result<i64, StoreError> {
        self.shared(async |session| counted(session, key).await).await
    }

    /// A value that has not expired at `now_ms`.
    ///
    /// # Errors
    ///
    /// As [`count_shared`](Self::count_shared).
    pub async fn shared_value(&self, key: &str, now_ms: i64) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared(async |session| {
            let sql = "SELECT value FROM shared_values WHERE key = $1 AND expires_ms > $2";
            let row = session.row(sql, &[Value::Text(key), Value::Integer(now_ms)]).await?;
            row.map(|row| row.bytes(0)).transpose()
        })
        .await
    }

    /// Keeps a value until `expires_ms`, in place of any other.
    ///
    /// # Errors
    ///
    /// As [`count_shared`](Self::count_shared).
    pub async fn put_shared_value(&self, key: &str, value: &[u8], expires_ms: i64) -> Result<(), StoreError> {
        self.shared(async |session| {
            let sql = "INSERT INTO shared_values (key, value, expires_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms";
            let values = [Value::Text(key), Value::Bytes(value), Value::Integer(expires_ms)];
            session.execute(sql, &values).await.map(drop)
        })
        .await
    }

    /// Keeps `new` if the value is still `old`; `None` is no value at `now_ms`. False if it is not.
    ///
    /// # Errors
    ///
    /// As [`count_shared`](Self::count_shared).
    pub async fn swap_shared_value(
        &self,
        key: &str,
        (old, new): (Option<&[u8]>, &[u8]),
        (now_ms, expires_ms): (i64, i64),
    ) -> Result<bool, StoreError> {
        self.shared(async |session| {
            let first =
                [Value::Text(key), Value::Bytes(new), Value::Integer(expires_ms), Value::Integer(now_ms)];
            let touched = match old {
                None => {
                    let sql = "INSERT INTO shared_values (key, value, expires_ms) VALUES ($1, $2, $3) \
                         ON CONFLICT (key) DO UPDATE SET value = excluded.value, \
                         expires_ms = excluded.expires_ms WHERE shared_values.expires_ms <= $4";
                    session.execute(sql, &first).await?
                }
                Some(old) => {
                    let sql = "UPDATE shared_values SET value = $2, expires_ms = $3 \
                         WHERE key = $1 AND expires_ms > $4 AND value = $5";
                    let [key, new, expires, now] = first;
                    session.execute(sql, &[key, new, expires, now, Value::Bytes(old)]).await?
                }
            };
            Ok(touched == 1)
        })
        .await
    }

    /// Deletes some of what has expired at `now_ms`. Any node may call it at any time.
    ///
    /// # Errors
    ///
    /// As [`count_shared`](Self::count_shared).
    pub async fn sweep_shared(&self, now_ms: i64) -> Result<(), StoreError> {
        self.shared(async |session| {
            let values = [Value::Integer(now_ms), Value::Integer(SWEEP)];
            for sql in [
                "DELETE FROM shared_counters WHERE key IN \
                 (SELECT key FROM shared_counters WHERE expires_ms <= $1 LIMIT $2)",
                "DELETE FROM shared_values WHERE key IN \
                 (SELECT key FROM shared_values WHERE expires_ms <= $1 LIMIT $2)",
            ] {
                session.execute(sql, &values).await?;
            }
            Ok(())
        })
        .await
    }

    async fn shared<T>(
        &self,
        operation: impl AsyncFnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let whole = async {
            let mut session = self.sharer().await?;
            let outcome = operation(&mut session).await?;
            session.finish();
            Ok(outcome)
        };
        self.within(OPERATION_TIMEOUT, whole).await
    }
}

/// Adds to a counter; `None` if it would pass its limit.
async fn add(
    session: &mut Session,
    key: &str,
    (cost, limit): (i64, i64),
    expires_ms: i64,
) -> Result<Option<i64>, StoreError> {
    if cost > limit {
        return Ok(None);
    }
    let sql = "INSERT INTO shared_counters (key, counted, expires_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET counted = shared_counters.counted + $2 \
         WHERE shared_counters.counted + $2 <= $4 RETURNING counted";
    let values = [Value::Text(key), Value::Integer(cost), Value::Integer(expires_ms), Value::Integer(limit)];
    session.row(sql, &values).await?.map(|row| row.integer(0)).transpose()
}

async fn counted(session: &mut Session, key: &str) -> Result<i64, StoreError> {
    let sql = "SELECT counted FROM shared_counters WHERE key = $1";
    session.row(sql, &[Value::Text(key)]).await?.map_or(Ok(0), |row| row.integer(0))
}
