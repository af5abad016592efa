//! What changed: the feed that every write extends, and how to wait for it.
//!
//! The feed is bounded. A reader who was away too long hears so, and reads everything again. A
//! notification only says "look"; a lost one costs at most [`POLL`].

use std::time::Duration;

use sqlx::postgres::{PgListener, PgNotification};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};
use uuid::Uuid;

use super::dialect::{Dialect, Row, Value};
use super::handle::Pools;
use super::relations::Relations;
use super::settings::OPERATION_TIMEOUT;
use super::write::Writing;
use super::{Revision, Store, StoreError, catalog};

/// How often a waiting reader looks for itself.
const POLL: Duration = Duration::from_secs(1);

/// Revisions that the feed keeps.
const KEPT_REVISIONS: i64 = 20_000;

/// Old entries go every so many revisions, so that not every write pays for it.
const PRUNE_EVERY: i64 = 64;

/// A write with more entries than this is not told one by one: readers read everything again.
const LARGEST_TOLD: usize = 1_000;

const CHANNEL: &str = "weir_changes";

/// What was done to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Insert,
    /// It has other fields.
    Replace,
    /// It is gone.
    Delete,
}

/// A unique key of an entity that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The field, or the fields joined by a comma.
    pub field: String,
    /// The value as the indexes hold it; see [`Store::lasting_key_text`].
    pub value: String,
}

/// One entity that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// The write.
    pub revision: Revision,
    /// Its kind.
    pub kind: String,
    /// Its primary key.
    pub id: Uuid,
    /// What was done to it.
    pub operation: Operation,
    /// Its unique keys, before and after.
    pub keys: Vec<KeyValue>,
    /// Kinds and ids that it refers to, before and after.
    pub links: Vec<(String, Uuid)>,
}

/// What happened after a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// In the order of writes; whole writes only. Empty: nothing new.
    Entries(Vec<FeedEntry>),
    /// The feed does not go back that far, or that revision was never written: anything may have
    /// changed.
    TooOld,
}

/// An entry in the making.
pub(super) struct Entry {
    kind: String,
    id: Uuid,
    operation: Operation,
    relations: Relations,
}

impl Entry {
    pub(super) fn new(kind: &str, id: Uuid, operation: Operation, relations: Relations) -> Self {
        Self { kind: kind.to_owned(), id, operation, relations }
    }
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Insert, Self::Replace, Self::Delete].into_iter().find(|operation| operation.as_str() == text)
    }
}

/// Writes the entries of a write into the feed, and rings the bell when it commits.
pub(super) async fn publish(writing: &mut Writing) -> Result<(), StoreError> {
    let revision = Value::Integer(writing.revision);
    let forget_to = if writing.entries.len() > LARGEST_TOLD {
        writing.revision
    } else {
        writing.revision - KEPT_REVISIONS
    };
    if forget_to == writing.revision || (writing.revision % PRUNE_EVERY == 0 && forget_to > 0) {
        let upto = [Value::Integer(forget_to)];
        writing.session.execute("DELETE FROM changes WHERE revision <= $1", &upto).await?;
        let sql = "UPDATE revision SET feed_after = $1 WHERE feed_after < $1";
        writing.session.execute(sql, &upto).await?;
    }
    if forget_to != writing.revision {
        tell(writing).await?;
    }
    if writing.session.dialect() == Dialect::Postgres {
        let notify = "SELECT pg_notify('weir_changes', CAST($1 AS text))";
        writing.session.rows(notify, &[revision]).await?;
    }
    Ok(())
}

async fn tell(writing: &mut Writing) -> Result<(), StoreError> {
    let sql = "INSERT INTO changes (revision, position, kind, id, operation, keys, links) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    for (position, entry) in (0_i64..).zip(&writing.entries) {
        let keys: Vec<_> = entry.relations.keys.iter().map(|key| (&key.field, &key.value)).collect();
        let links: Vec<_> = entry.relations.targets().collect();
        let (keys, links) = (json(&keys)?, json(&links)?);
        let values = [
            Value::Integer(writing.revision),
            Value::Integer(position),
            Value::Text(&entry.kind),
            Value::Id(entry.id),
            Value::Text(entry.operation.as_str()),
            Value::Text(&keys),
            Value::Text(&links),
        ];
        writing.session.execute(sql, &values).await?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Refused(error.to_string()))
}

impl Store {
    /// The last committed write. While the database is away, this finds out whether it is back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`].
    pub async fn revision(&self) -> Result<Revision, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let revision = catalog::current(&mut session).await?;
            session.finish();
            Ok(revision)
        };
        self.trying(OPERATION_TIMEOUT, operation).await
    }

    /// What was written after `revision`: some `limit` entries, ask again from the last one's
    /// revision for more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`] or [`StoreError::BadRow`].
    pub async fn changes_since(&self, revision: Revision, limit: usize) -> Result<Changes, StoreError> {
        // One statement sees one moment, and costs one exchange with the database where a transaction
        // of two would cost four. The write that holds the last entry of this batch is told to its end.
        let sql = "SELECT c.id, c.kind, c.operation, c.keys, c.links, c.revision, r.current, r.feed_after \
             FROM revision r LEFT JOIN changes c ON c.revision > $1 \
             AND c.revision <= COALESCE((SELECT revision FROM changes WHERE revision > $1 \
             ORDER BY revision, position LIMIT 1 OFFSET $2), r.current) ORDER BY c.revision, c.position";
        let operation = async {
            let mut session = self.reader().await?;
            let offset = i64::try_from(limit.max(1) - 1).unwrap_or(i64::MAX);
            let rows = session.rows(sql, &[Value::Integer(revision), Value::Integer(offset)]).await?;
            session.finish();
            let state = rows.first().ok_or(StoreError::NotMigrated)?;
            let (current, feed_after) = (state.integer(6)?, state.integer(7)?);
            if revision < feed_after || revision > current {
                return Ok(Changes::TooOld);
            }
            // Without a change there is one row all the same, which has the state alone.
            let none = state.maybe_integer(5)?.is_none();
            let told = if none { &[] } else { rows.as_slice() };
            Ok(Changes::Entries(told.iter().map(entry).collect::<Result<_, _>>()?))
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }

    /// A wait for writes, of this process or of others.
    pub fn feed(&self) -> Feed {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Feed { written: self.inner.written.subscribe(), store: self.clone(), listener: None, poll, seen: 0 }
    }
}

fn entry(row: &Row) -> Result<FeedEntry, StoreError> {
    let (id, kind, operation, revision) = (row.id(0)?, row.text(1)?, row.text(2)?, row.integer(5)?);
    let bad = |reason: String| StoreError::BadRow { kind: "changes".to_owned(), id: id.to_string(), reason };
    let keys: Vec<(String, String)> =
        serde_json::from_str(&row.text(3)?).map_err(|error| bad(error.to_string()))?;
    let links = serde_json::from_str(&row.text(4)?).map_err(|error| bad(error.to_string()))?;
    let keys = keys.into_iter().map(|(field, value)| KeyValue { field, value }).collect();
    let operation = Operation::parse(&operation).ok_or_else(|| bad(format!("operation {operation}")))?;
    Ok(FeedEntry { revision, kind, id, operation, keys, links })
}

/// Waits for writes. Each waiting reader has one of its own.
///
/// On Postgres it holds a connection that listens, opened when first waited on and again after a
/// loss; it must be waited on inside a tokio runtime.
#[derive(Debug)]
pub struct Feed {
    store: Store,
    written: watch::Receiver<Revision>,
    listener: Option<PgListener>,
    poll: Interval,
    seen: Revision,
}

impl Feed {
    /// Waits until the last write is another than the one given the time before, and gives it. The
    /// first call gives the current one at once, if anything was ever written.
    ///
    /// An outage only makes this take longer. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Revision {
        loop {
            // First listen, then look: what is written in between rings.
            self.listen().await;
            match self.store.revision().await {
                Ok(current) if current != self.seen => {
                    self.seen = current;
                    return current;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "the change feed cannot look"),
            }
            if let Some(heard) = self.wait().await {
                self.seen = heard;
                return heard;
            }
        }
    }

    /// Says that everything up to `revision` has been read, for a reader who began elsewhere.
    pub fn mark_seen(&mut self, revision: Revision) {
        self.seen = revision;
    }

    async fn listen(&mut self) {
        let Pools::Postgres { listen, .. } = &self.store.inner.pools else {
            return;
        };
        if self.listener.is_some() || !self.store.is_available() {
            return;
        }
        let connected = async {
            let mut listener = PgListener::connect_with(listen).await?;
            // A loss must come back here, so that this looks for what it missed.
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        match tokio::time::timeout(OPERATION_TIMEOUT, connected).await {
            Ok(Ok(listener)) => self.listener = Some(listener),
            Ok(Err(error)) => tracing::warn!(%error, "cannot listen for changes, polling instead"),
            Err(_) => tracing::warn!("listening for changes took too long, polling instead"),
        }
    }

    /// Until something may have been written. Gives the revision if that is said and is new, which
    /// spares a look.
    async fn wait(&mut self) -> Option<Revision> {
        let heard = async {
            match &mut self.listener {
                Some(listener) => listener.try_recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            heard = heard => match heard {
                // Many may be waiting; one look is enough for all of them.
                Ok(Some(first)) => {
                    let mut newest = revision_of(&first);
                    while let Some(next) = self.listener.as_mut().and_then(PgListener::next_buffered) {
                        newest = newest.max(revision_of(&next));
                    }
                    return newest.filter(|revision| *revision > self.seen);
                }
                Ok(None) | Err(_) => self.listener = None,
            },
            // The sender is in the store that this holds, so it cannot be gone.
            _ = self.written.changed() => {}
            _ = self.poll.tick() => {}
        }
        None
    }
}

fn revision_of(notification: &PgNotification) -> Option<Revision> {
    notification.payload().parse().ok()
}
