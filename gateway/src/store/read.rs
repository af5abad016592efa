//! One entity: by its id, or by a key that is unique in its kind.

use uuid::Uuid;

use super::dialect::{Row, Session, Value};
use super::handle::now_unix;
use super::sealed::Sealing;
use super::settings::OPERATION_TIMEOUT;
use super::{Revision, Store, StoreError};
use crate::model::Document;

/// How to find one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// By its primary key.
    Id(Uuid),
    /// By a unique key.
    Key {
        /// The field, or the fields joined by a comma.
        field: String,
        /// The value, as in [`UniqueKey`](crate::model::UniqueKey).
        value: String,
    },
}

impl Lookup {
    /// By a unique key.
    pub fn key(field: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Key { field: field.into(), value: value.into() }
    }
}

/// An entity and the write that made it so.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned {
    /// Its fields.
    pub document: Document,
    /// For [`Change::ReplaceIf`](super::Change::ReplaceIf).
    pub revision: Revision,
}

const BY_ID: &str = "SELECT e.id, e.document, e.revision FROM entities e \
     WHERE e.kind = $1 AND e.id = $2 AND (e.expires_at IS NULL OR e.expires_at > $3)";

const BY_KEY: &str = "SELECT e.id, e.document, e.revision FROM entity_keys k \
     JOIN entities e ON e.kind = k.kind AND e.id = k.id \
     WHERE k.kind = $1 AND k.field = $2 AND k.value = $3 AND (e.expires_at IS NULL OR e.expires_at > $4)";

/// A secret is found hashed or, if it was written before there were keys, as it is.
const BY_EITHER_KEY: &str = "SELECT e.id, e.document, e.revision FROM entity_keys k \
     JOIN entities e ON e.kind = k.kind AND e.id = k.id WHERE k.kind = $1 AND k.field = $2 \
     AND k.value IN ($3, $5) AND (e.expires_at IS NULL OR e.expires_at > $4)";

impl Store {
    /// Finds one entity. Two index look-ups at most.
    ///
    /// # Errors
    ///
    /// - [`StoreError::Unavailable`], at once if the database is known to be away.
    /// - [`StoreError::BadRow`] if the row is not a JSON object.
    pub async fn find(&self, kind: &str, lookup: &Lookup) -> Result<Option<Document>, StoreError> {
        Ok(self.find_versioned(kind, lookup).await?.map(|found| found.document))
    }

    /// Finds one entity together with the write that made it so, for a replace that must not lose
    /// what somebody else wrote meanwhile.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn find_versioned(&self, kind: &str, lookup: &Lookup) -> Result<Option<Versioned>, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let row = find_row(&mut session, &self.inner.sealing, kind, lookup).await?;
            session.finish();
            row.map(|row| versioned(&self.inner.sealing, kind, &row)).transpose()
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }
}

async fn find_row(
    session: &mut Session,
    sealing: &Sealing,
    kind: &str,
    lookup: &Lookup,
) -> Result<Option<Row>, StoreError> {
    let now = Value::Integer(now_unix());
    match lookup {
        Lookup::Id(id) => session.row(BY_ID, &[Value::Text(kind), Value::Id(*id), now]).await,
        Lookup::Key { field, value } => {
            // NUL cannot be in a Postgres text, and no field has one in its name.
            if field.contains('\0') {
                return Ok(None);
            }
            let (plain, keyed) = sealing.forms(session, (kind, field), value).await?;
            let mut values = vec![Value::Text(kind), Value::Text(field), Value::Text(&plain), now];
            let Some(keyed) = &keyed else {
                return session.row(BY_KEY, &values).await;
            };
            values.push(Value::Text(keyed));
            session.row(BY_EITHER_KEY, &values).await
        }
    }
}

fn versioned(sealing: &Sealing, kind: &str, row: &Row) -> Result<Versioned, StoreError> {
    Ok(Versioned { document: document(sealing, kind, row)?, revision: row.integer(2)? })
}

/// Reads a row that begins with id and document.
pub(super) fn document(sealing: &Sealing, kind: &str, row: &Row) -> Result<Document, StoreError> {
    let id = row.id(0)?.to_string();
    let mut document = raw(kind, row)?;
    match sealing.open(kind, &id, &mut document) {
        Ok(()) => Ok(document),
        Err(error) => Err(StoreError::BadRow { kind: kind.to_owned(), id, reason: error.to_string() }),
    }
}

/// The same with its secrets as they are kept.
pub(super) fn raw(kind: &str, row: &Row) -> Result<Document, StoreError> {
    serde_json::from_str(&row.text(1)?).map_err(|error| StoreError::BadRow {
        kind: kind.to_owned(),
        id: row.id(0).map(|id| id.to_string()).unwrap_or_default(),
        reason: error.to_string(),
    })
}
