//! Writes: any number of changes, one transaction, one revision.
//!
//! The revision row is taken first and held to the end, so writers queue up there: revisions are in
//! the order of commits, two writers never wait for each other in a circle, and a check made inside
//! the transaction still holds when it commits.

use uuid::Uuid;

use super::audit::{self, Observed};
use super::dialect::{Session, Value};
use super::feed::{self, Entry, Operation};
use super::handle::now_unix;
use super::relations::{self, Relations};
use super::sealed::Sealer;
use super::settings::{LONG_OPERATION_TIMEOUT, OPERATION_TIMEOUT};
use super::terms::Terms;
use super::{Revision, Store, StoreError, read};
use crate::model::{Document, Record};

/// Above this number of changes a write gets the long deadline.
const SMALL_WRITE: usize = 20;

/// One step of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A new entity.
    Insert(Record),
    /// All fields of an entity that exists.
    Replace(Record),
    /// The same, unless somebody else wrote it since it was read.
    ReplaceIf {
        /// The new form.
        record: Record,
        /// [`Versioned::revision`](super::Versioned::revision) of what was read.
        unchanged_since: Revision,
    },
    /// An entity, with those that go when it goes.
    Delete {
        /// Its kind.
        kind: String,
        /// Its primary key.
        id: Uuid,
    },
}

/// A write under way.
pub(super) struct Writing {
    pub(super) session: Session,
    pub(super) revision: Revision,
    /// What the change feed will say.
    pub(super) entries: Vec<Entry>,
    /// More changed than is told one by one, and `entries` does not hold it all.
    pub(super) untold: bool,
    /// Unix seconds; one moment for the whole write.
    pub(super) now: i64,
    pub(super) terms: Terms,
    /// What the audit log will say; `None` if nobody is written down.
    observed: Option<Observed>,
    pub(super) sealer: Sealer,
}

impl Store {
    /// Makes all changes, in their order, or none. Gives the revision of the write; without changes
    /// that of the last one.
    ///
    /// # Errors
    ///
    /// - [`StoreError::Conflict`] if an id or a unique key is taken.
    /// - [`StoreError::MissingReference`] if a link leads nowhere.
    /// - [`StoreError::NotFound`] if what is to be replaced or deleted is not there.
    /// - [`StoreError::Changed`] if a [`Change::ReplaceIf`] comes too late.
    /// - [`StoreError::Referenced`] if another entity holds on to what is to be deleted.
    /// - [`StoreError::Unavailable`]; see there on what may have happened to the write.
    pub async fn write(&self, changes: Vec<Change>) -> Result<Revision, StoreError> {
        self.write_under(changes, Terms::default()).await
    }

    /// Makes all changes under terms; there is at least one.
    pub(super) async fn apply_all(&self, changes: Vec<Change>, terms: Terms) -> Result<Revision, StoreError> {
        let limit = if changes.len() > SMALL_WRITE { LONG_OPERATION_TIMEOUT } else { OPERATION_TIMEOUT };
        self.writing(limit, async move |writing| {
            writing.under(terms);
            for change in &changes {
                writing.apply(change).await?;
            }
            writing.attribute().await
        })
        .await
    }

    /// A write of one new entity.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn insert(&self, record: Record) -> Result<Revision, StoreError> {
        self.write(vec![Change::Insert(record)]).await
    }

    /// A write of all fields of one entity.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn replace(&self, record: Record) -> Result<Revision, StoreError> {
        self.write(vec![Change::Replace(record)]).await
    }

    /// Deletes one entity, with those that go when it goes.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn delete(&self, kind: &str, id: Uuid) -> Result<Revision, StoreError> {
        self.write(vec![Change::Delete { kind: kind.to_owned(), id }]).await
    }

    /// Runs `body` in a transaction that holds the revision row, and publishes what it did.
    pub(super) async fn writing(
        &self,
        limit: std::time::Duration,
        body: impl AsyncFnOnce(&mut Writing) -> Result<(), StoreError>,
    ) -> Result<Revision, StoreError> {
        let operation = async {
            let mut session = self.writer().await?;
            let (revision, sealed) = bump(&mut session).await?;
            let sealer = self.sealer(&mut session, sealed).await?;
            let mut writing = Writing {
                session,
                revision,
                entries: Vec::new(),
                untold: false,
                now: now_unix(),
                terms: Terms::default(),
                observed: None,
                sealer,
            };
            let done = match body(&mut writing).await {
                Ok(()) => feed::publish(&mut writing).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => writing.session.commit().await?,
                Err(error) => {
                    writing.session.roll_back().await;
                    return Err(error);
                }
            }
            Ok(revision)
        };
        let revision = self.within(limit, operation).await?;
        self.inner.written.send_if_modified(|newest| {
            let grew = revision > *newest;
            *newest = revision.max(*newest);
            grew
        });
        Ok(revision)
    }
}

/// The revision of the write, and whether secrets are sealed.
async fn bump(session: &mut Session) -> Result<(Revision, bool), StoreError> {
    let row =
        session.row("UPDATE revision SET current = current + 1 RETURNING current, sealing", &[]).await?;
    let row = row.ok_or(StoreError::NotMigrated)?;
    Ok((row.integer(0)?, row.integer(1)? != 0))
}

impl Writing {
    pub(super) fn under(&mut self, terms: Terms) {
        self.observed = terms.attribution.as_ref().map(Observed::new);
        self.terms = terms;
    }

    /// Writes down who did what was observed.
    pub(super) async fn attribute(&mut self) -> Result<(), StoreError> {
        let (Some(attribution), Some(observed)) = (self.terms.attribution.take(), self.observed.take())
        else {
            return Ok(());
        };
        let entry = observed.complete(attribution.entry);
        audit::append(&mut self.session, &entry, attribution.is_required).await
    }

    async fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Insert(record) => self.insert(record).await,
            Change::Replace(record) => self.replace(record, None).await,
            Change::ReplaceIf { record, unchanged_since } => {
                self.replace(record, Some(*unchanged_since)).await
            }
            Change::Delete { kind, id } => {
                if !self.exists(kind, *id).await? {
                    return Err(StoreError::NotFound { kind: kind.clone(), id: *id });
                }
                let going = relations::going_with(self, kind, *id).await?;
                self.reach_all(&going).await?;
                relations::remove_all(self, &going).await
            }
        }
    }

    /// Whether somebody wants to know what is done.
    pub(super) fn is_observed(&self) -> bool {
        self.observed.is_some()
    }

    /// The entity as it is stored, if somebody wants to know.
    pub(super) async fn observe(&mut self, kind: &str, id: Uuid) -> Result<Option<Document>, StoreError> {
        if self.observed.is_none() {
            return Ok(None);
        }
        let sql = "SELECT id, document FROM entities WHERE kind = $1 AND id = $2";
        let row = self.session.row(sql, &[Value::Text(kind), Value::Id(id)]).await?;
        row.map(|row| read::raw(kind, &row)).transpose()
    }

    /// Notes what was done to an entity. Secrets that are sealed in the database are so in the log too.
    pub(super) fn note(
        &mut self,
        operation: &str,
        of: (&str, Uuid),
        before: Option<&Document>,
        after: Option<&Document>,
    ) {
        if let Some(observed) = &mut self.observed {
            observed.note(operation, of, before, after);
        }
    }

    /// Notes that a record was written.
    pub(super) fn note_record(
        &mut self,
        operation: &str,
        record: &Record,
        before: Option<&Document>,
    ) -> Result<(), StoreError> {
        if let Some(observed) = &mut self.observed {
            observed.note(operation, (record.kind, record.id), before, Some(&*self.sealer.close(record)?));
        }
        Ok(())
    }

    async fn insert(&mut self, record: &Record) -> Result<(), StoreError> {
        self.reach(record, false).await?;
        relations::claim_id(self, record).await?;
        relations::claim(self, record).await?;
        let document = print(record, &self.sealer)?;
        let values = [
            Value::Text(record.kind),
            Value::Id(record.id),
            Value::Text(&document),
            Value::Integer(self.revision),
            Value::MaybeInteger(record.expires_at),
        ];
        let sql = "INSERT INTO entities (kind, id, document, created, revision, expires_at) VALUES ($1, $2, $3, $4, $4, $5)";
        self.session.execute(sql, &values).await?;
        let new = Relations::of(record, &self.sealer);
        relations::put(self, record, None, &new).await?;
        self.note_record("create", record, None)?;
        self.entries.push(Entry::new(record.kind, record.id, Operation::Insert, new));
        Ok(())
    }

    async fn replace(
        &mut self,
        record: &Record,
        unchanged_since: Option<Revision>,
    ) -> Result<(), StoreError> {
        let found = self.revision_of(record.kind, record.id).await?;
        let (kind, id) = (record.kind.to_owned(), record.id);
        match (found, unchanged_since) {
            (None, _) => return Err(StoreError::NotFound { kind, id }),
            (Some(found), Some(expected)) if found != expected => {
                return Err(StoreError::Changed { kind, id });
            }
            (Some(_), _) => {}
        }
        self.reach(record, true).await?;
        let before = self.observe(record.kind, record.id).await?;
        relations::claim(self, record).await?;
        let document = print(record, &self.sealer)?;
        let values = [
            Value::Text(record.kind),
            Value::Id(record.id),
            Value::Text(&document),
            Value::Integer(self.revision),
            Value::MaybeInteger(record.expires_at),
        ];
        let sql =
            "UPDATE entities SET document = $3, revision = $4, expires_at = $5 WHERE kind = $1 AND id = $2";
        self.session.execute(sql, &values).await?;
        let old = relations::read(&mut self.session, record.kind, record.id).await?;
        let new = Relations::of(record, &self.sealer);
        relations::put(self, record, Some(&old), &new).await?;
        self.note_record("update", record, before.as_ref())?;
        self.entries.push(Entry::new(record.kind, record.id, Operation::Replace, old.merged(new)));
        Ok(())
    }

    async fn exists(&mut self, kind: &str, id: Uuid) -> Result<bool, StoreError> {
        Ok(self.revision_of(kind, id).await?.is_some())
    }

    /// The write that made the entity so; `None` if there is no such entity.
    pub(super) async fn revision_of(&mut self, kind: &str, id: Uuid) -> Result<Option<Revision>, StoreError> {
        let sql = "SELECT revision FROM entities WHERE kind = $1 AND id = $2 AND (expires_at IS NULL OR expires_at > $3)";
        let values = [Value::Text(kind), Value::Id(id), Value::Integer(self.now)];
        let row = self.session.row(sql, &values).await?;
        row.map(|row| row.integer(0)).transpose()
    }
}

pub(super) fn print(record: &Record, sealer: &Sealer) -> Result<String, StoreError> {
    serde_json::to_string(&*sealer.close(record)?).map_err(|error| StoreError::Refused(error.to_string()))
}
