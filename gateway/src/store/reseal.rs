//! Seals what is stored with the active key: after keys were given, and after they were changed.
//!
//! Online and in batches: each is a transaction that keeps other writers out for its time, changes no
//! content and raises no revision. An entity that does not open stays as it is and is counted.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::dialect::{Dialect, Row, Session, Value};
use super::read::raw;
use super::sealed::{Sealer, locked, place, sealed_text, secrets};
use super::settings::{LONG_OPERATION_TIMEOUT, OPERATION_TIMEOUT};
use super::{Store, StoreError};
use crate::model::{self, Document, Kind, Record};
use crate::sealing::{IndexKey, Keyring};

/// One batch of entities of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Where the next one begins; `None` at the end of the kind.
    pub next: Option<Uuid>,
    /// Entities looked at.
    pub seen: usize,
    /// Of those, sealed anew.
    pub sealed: usize,
    /// Of those, not openable with the keys that are given.
    pub locked: usize,
}

/// How the secrets of a kind are kept: the name of the key, or nothing, and how many of them.
pub type Kept = BTreeMap<Option<String>, u64>;

impl Store {
    /// Secrets are sealed from now on, by every node; the key of the indexes is, with the active key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sealed`] without keys or with others, else as [`find`](Self::find).
    pub async fn begin_sealing(&self) -> Result<(), StoreError> {
        let keys = self.keys()?;
        self.locking(async move |session| {
            let row = session.row("SELECT index_key FROM sealing", &[]).await?;
            let Some(row) = row else { return Err(StoreError::NotMigrated) };
            let sealed = IndexKey::resealed(&row.text(0)?, keys).map_err(|error| locked(&error))?;
            session.execute("UPDATE sealing SET index_key = $1", &[Value::Text(&sealed)]).await?;
            session.execute("UPDATE revision SET sealing = 1", &[]).await.map(drop)
        })
        .await
    }

    /// Seals up to `size` entities of a kind, from the one after `after` on.
    ///
    /// # Errors
    ///
    /// As [`begin_sealing`](Self::begin_sealing).
    pub async fn seal(
        &self,
        kind: &'static Kind,
        after: Option<Uuid>,
        size: u32,
    ) -> Result<Batch, StoreError> {
        self.keys()?;
        let sealer = Sealer { sealing: std::sync::Arc::clone(&self.inner.sealing), on: true };
        self.locking(async move |session| {
            sealer.sealing.index(session).await?;
            let rows = rows(session, kind.name, after, size).await?;
            let full = rows.len() == usize::try_from(size).unwrap_or(usize::MAX);
            let mut batch = Batch { seen: rows.len(), ..Batch::default() };
            for row in &rows {
                match seal_one(session, &sealer, kind, row).await {
                    Ok(changed) => batch.sealed += usize::from(changed),
                    Err(StoreError::Sealed(_) | StoreError::BadRow { .. }) => batch.locked += 1,
                    Err(error) => return Err(error),
                }
                batch.next = full.then(|| row.id(0)).transpose()?;
            }
            Ok(batch)
        })
        .await
    }

    /// The last step: what the change feed and free pages of the file still hold goes.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn end_sealing(&self) -> Result<(), StoreError> {
        self.locking(async |session| {
            session.execute("DELETE FROM changes", &[]).await?;
            session.execute("UPDATE revision SET feed_after = current", &[]).await.map(drop)
        })
        .await?;
        let operation = async {
            let mut session = self.reader().await?;
            let steps: &[&'static str] = match session.dialect() {
                Dialect::Postgres => &["VACUUM entities", "VACUUM entity_keys", "VACUUM changes"],
                Dialect::Sqlite => &["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"],
            };
            for sql in steps {
                session.rows(*sql, &[]).await?;
            }
            session.finish();
            Ok(())
        };
        self.within(LONG_OPERATION_TIMEOUT, operation).await
    }

    /// How the secrets of a kind are kept. Reads all of its entities.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn kept_secrets(&self, kind: &str) -> Result<Kept, StoreError> {
        let mut kept = Kept::new();
        let mut after = None;
        loop {
            let operation = async {
                let mut session = self.reader().await?;
                let rows = rows(&mut session, kind, after, 1_000).await?;
                session.finish();
                Ok(rows)
            };
            let rows = self.within(OPERATION_TIMEOUT, operation).await?;
            for row in &rows {
                count(kind, raw(kind, row)?, &mut kept);
            }
            let Some(last) = rows.last() else { return Ok(kept) };
            after = Some(last.id(0)?);
        }
    }

    /// How many entities of a kind there are.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn count(&self, kind: &str) -> Result<u64, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let sql = "SELECT count(*) FROM entities WHERE kind = $1";
            let row = session.row(sql, &[Value::Text(kind)]).await?;
            session.finish();
            row.map_or(Ok(0), |row| row.integer(0))
        };
        let count = self.within(LONG_OPERATION_TIMEOUT, operation).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    fn keys(&self) -> Result<&Keyring, StoreError> {
        let none = || StoreError::Sealed("encryption_keys is not set".to_owned());
        self.inner.sealing.keys.as_deref().ok_or_else(none)
    }

    /// Runs `body` in a transaction that keeps other writers out.
    async fn locking<T>(
        &self,
        body: impl AsyncFnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let operation = async {
            let mut session = self.writer().await?;
            session.execute("UPDATE revision SET current = current", &[]).await?;
            match body(&mut session).await {
                Ok(done) => session.commit().await.map(|()| done),
                Err(error) => {
                    session.roll_back().await;
                    Err(error)
                }
            }
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }
}

async fn rows(
    session: &mut Session,
    kind: &str,
    after: Option<Uuid>,
    size: u32,
) -> Result<Vec<Row>, StoreError> {
    // The nil id is nobody's.
    let sql = "SELECT id, document FROM entities WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3";
    let after = Value::Id(after.unwrap_or_default());
    session.rows(sql, &[Value::Text(kind), after, Value::Integer(size.into())]).await
}

/// Adds the secrets of a document.
fn count(kind: &str, mut document: Document, kept: &mut Kept) {
    for path in secrets(kind) {
        let Some(value) = place(&mut document, path).filter(|value| !value.is_null()) else { continue };
        let key = sealed_text(value).map(|text| Keyring::key_of(text).unwrap_or("?").to_owned());
        *kept.entry(key).or_default() += 1;
    }
}

/// Whether the entity had to be written.
async fn seal_one(
    session: &mut Session,
    sealer: &Sealer,
    kind: &'static Kind,
    row: &Row,
) -> Result<bool, StoreError> {
    let (id, mut document) = (row.id(0)?, raw(kind.name, row)?);
    let active = sealer.sealing.keys.as_ref().map(|keys| keys.active());
    let done = secrets(kind.name).iter().all(|path| {
        let value = place(&mut document, path).filter(|value| !value.is_null());
        value.is_none_or(|value| sealed_text(value).is_some_and(|text| Keyring::key_of(text) == active))
    });
    sealer.sealing.open(kind.name, &id.to_string(), &mut document).map_err(|error| locked(&error))?;
    let record = kind.record(document).map_err(|_| StoreError::NotMigrated)?;
    let moved = seal_keys(session, sealer, &record).await?;
    if done {
        return Ok(moved);
    }
    let document = serde_json::to_string(&*sealer.close(&record)?).unwrap_or_default();
    let sql = "UPDATE entities SET document = $3 WHERE kind = $1 AND id = $2";
    session.execute(sql, &[Value::Text(kind.name), Value::Id(id), Value::Text(&document)]).await?;
    Ok(true)
}

async fn seal_keys(session: &mut Session, sealer: &Sealer, record: &Record) -> Result<bool, StoreError> {
    let mut moved = 0;
    for key in record.keys.iter().filter(|key| secrets(record.kind).iter().any(|path| path == key.field)) {
        let text = sealer.key_text(record.kind, key.field, &key.value);
        let sql =
            "UPDATE entity_keys SET value = $4 WHERE kind = $1 AND id = $2 AND field = $3 AND value <> $4";
        let values =
            [Value::Text(record.kind), Value::Id(record.id), Value::Text(key.field), Value::Text(&text)];
        moved += session.execute(sql, &values).await?;
    }
    Ok(moved > 0)
}

/// The kinds that have secrets.
pub fn kinds_with_secrets() -> impl Iterator<Item = &'static Kind> {
    model::kinds().iter().filter(|kind| !kind.secrets().is_empty())
}
