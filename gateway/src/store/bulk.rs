//! Many changes at once: a whole file, in one transaction, some hundred rows a statement.
//!
//! The caller has compared the file with everything that is stored, so nothing is looked up again:
//! references lead somewhere and keys are free as long as nobody wrote since. That nobody did is the
//! first thing that is checked, under the lock that every writer takes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use uuid::Uuid;

use super::dialect::Value;
use super::feed::{Entry, LARGEST_TOLD, Operation};
use super::indexed::indexed;
use super::relations::{self, Relations};
use super::terms::Terms;
use super::write::{Writing, print};
use super::{Revision, Store, StoreError, expiry, read};
use crate::model::{Document, OnDelete, Record, UniqueKey};

/// Rows of one statement. Both databases take some ten times as many parameters.
const ROWS: usize = 200;
/// How often changes are worked out anew after somebody else wrote.
const ATTEMPTS: usize = 4;
/// How long a write of millions of entities may take.
const BULK_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// Changes that were worked out against everything that is stored.
#[derive(Debug, Default)]
pub struct Bulk {
    /// New entities.
    pub insert: Vec<Record>,
    /// All fields of entities that exist.
    pub replace: Vec<Record>,
    /// Entities that go; none that stays refers to them.
    pub remove: Vec<(&'static str, Uuid)>,
}

/// How often changes are worked out and written, since somebody else may write in between.
#[derive(Debug, Default)]
pub struct Attempts(usize);

impl Attempts {
    /// Whether the changes are written; if not, they are to be worked out anew.
    ///
    /// # Errors
    ///
    /// Those of `written`; [`StoreError::Changed`] only if others keep writing.
    pub fn end_with(&mut self, written: Result<Revision, StoreError>) -> Result<bool, StoreError> {
        self.0 += 1;
        match written {
            Ok(_) => Ok(true),
            Err(StoreError::Changed { .. }) if self.0 < ATTEMPTS => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Hears how many entities of how many are done; called often, so it must not wait.
pub type Progress<'p> = &'p (dyn Fn(usize, usize) + Send + Sync);

impl Bulk {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.insert.len() + self.replace.len() + self.remove.len()
    }
}

impl Store {
    /// Makes all changes or none, if nothing was written since `unchanged_since`. Of `terms`, who is written
    /// down counts; it reaches everything.
    ///
    /// # Errors
    ///
    /// - [`StoreError::Changed`] if somebody else wrote meanwhile: compare again.
    /// - [`StoreError::Conflict`] if a key is taken all the same.
    /// - [`StoreError::Unrecorded`] if the record of the write cannot be written.
    /// - [`StoreError::Unavailable`]; see there on what may have happened to the write.
    pub async fn write_bulk(
        &self,
        bulk: &Bulk,
        unchanged_since: Revision,
        terms: Terms,
        progress: Progress<'_>,
    ) -> Result<Revision, StoreError> {
        if bulk.is_empty() {
            return self.revision().await;
        }
        self.writing(BULK_TIMEOUT, async move |writing| {
            writing.under(terms);
            if writing.revision != unchanged_since + 1 {
                return Err(StoreError::Changed { kind: "revision".to_owned(), id: Uuid::nil() });
            }
            expiry::remove_all_expired(writing).await?;
            apply(writing, bulk, progress).await?;
            writing.attribute().await
        })
        .await
    }
}

async fn apply(writing: &mut Writing, bulk: &Bulk, progress: Progress<'_>) -> Result<(), StoreError> {
    let all = bulk.len();
    writing.untold = all > LARGEST_TOLD;
    let mut done = 0;
    let replaced: Vec<_> = bulk.replace.iter().map(|record| (record.kind, record.id)).collect();
    let mut old = BTreeMap::new();
    if !writing.untold {
        for (kind, id) in bulk.remove.iter().chain(&replaced) {
            old.insert((*kind, *id), relations::read(&mut writing.session, kind, *id).await?);
        }
    }
    for chunk in bulk.remove.chunks(ROWS) {
        for ((kind, id), before) in observe(writing, chunk).await? {
            writing.note("delete", (kind, id), Some(&before), None);
        }
    }
    forget(writing, &bulk.remove, true).await?;
    forget(writing, &replaced, false).await?;
    done += bulk.remove.len();
    progress(done, all);
    for chunk in bulk.replace.chunks(ROWS) {
        replace(writing, chunk).await?;
        done += chunk.len();
        progress(done, all);
    }
    for chunk in bulk.replace.chunks(ROWS) {
        put_relations(writing, chunk).await?;
    }
    for chunk in bulk.insert.chunks(ROWS) {
        put_entities(writing, chunk).await?;
        put_relations(writing, chunk).await?;
        done += chunk.len();
        progress(done, all);
    }
    if !writing.untold {
        tell(writing, bulk, old);
    }
    Ok(())
}

/// What the change feed says of it.
fn tell(writing: &mut Writing, bulk: &Bulk, mut old: BTreeMap<(&'static str, Uuid), Relations>) {
    for (kind, id) in &bulk.remove {
        let relations = old.remove(&(*kind, *id)).unwrap_or_default();
        writing.entries.push(Entry::new(kind, *id, Operation::Delete, relations));
    }
    for record in &bulk.replace {
        let relations = old.remove(&(record.kind, record.id)).unwrap_or_default();
        let relations = relations.merged(Relations::of(record, &writing.sealer));
        writing.entries.push(Entry::new(record.kind, record.id, Operation::Replace, relations));
    }
    for record in &bulk.insert {
        let relations = Relations::of(record, &writing.sealer);
        writing.entries.push(Entry::new(record.kind, record.id, Operation::Insert, relations));
    }
}

/// Deletes the index rows of entities, and the entities themselves if `whole`.
async fn forget(writing: &mut Writing, going: &[(&str, Uuid)], whole: bool) -> Result<(), StoreError> {
    let mut by_kind: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for (kind, id) in going {
        by_kind.entry(kind).or_default().push(*id);
    }
    for (kind, ids) in by_kind {
        for chunk in ids.chunks(ROWS) {
            forget_chunk(writing, kind, chunk, whole).await?;
        }
    }
    Ok(())
}

async fn forget_chunk(
    writing: &mut Writing,
    kind: &str,
    ids: &[Uuid],
    whole: bool,
) -> Result<(), StoreError> {
    let mut values = vec![Value::Text(kind)];
    values.extend(ids.iter().map(|id| Value::Id(*id)));
    let list = numbers(2, ids.len());
    let tables = ["entity_keys", "entity_links", "entity_tags", "entities"];
    for table in tables.iter().take(if whole { 4 } else { 3 }) {
        let sql = format!("DELETE FROM {table} WHERE kind = $1 AND id IN ({list})");
        writing.session.execute(sql, &values).await?;
    }
    Ok(())
}

/// The entities as they are stored, by kind and id, if somebody wants to know.
async fn observe<'k>(
    writing: &mut Writing,
    of: &[(&'k str, Uuid)],
) -> Result<BTreeMap<(&'k str, Uuid), Document>, StoreError> {
    let mut found = BTreeMap::new();
    if !writing.is_observed() {
        return Ok(found);
    }
    let mut by_kind: HashMap<&str, Vec<Uuid>> = HashMap::new();
    for (kind, id) in of {
        by_kind.entry(kind).or_default().push(*id);
    }
    for (kind, ids) in by_kind {
        let mut values = vec![Value::Text(kind)];
        values.extend(ids.iter().map(|id| Value::Id(*id)));
        let list = numbers(2, ids.len());
        let sql = format!("SELECT id, document FROM entities WHERE kind = $1 AND id IN ({list})");
        for row in writing.session.rows(sql, &values).await? {
            found.insert((kind, row.id(0)?), read::raw(kind, &row)?);
        }
    }
    Ok(found)
}

async fn replace(writing: &mut Writing, records: &[Record]) -> Result<(), StoreError> {
    let of: Vec<_> = records.iter().map(|record| (record.kind, record.id)).collect();
    let before = observe(writing, &of).await?;
    for record in records {
        update(writing, record).await?;
        let of = (record.kind, record.id);
        writing.note_record("update", record, before.get(&of))?;
    }
    Ok(())
}

async fn update(writing: &mut Writing, record: &Record) -> Result<(), StoreError> {
    let document = print(record, &writing.sealer)?;
    let values = [
        Value::Text(record.kind),
        Value::Id(record.id),
        Value::Text(&document),
        Value::Integer(writing.revision),
        Value::MaybeInteger(record.expires_at),
    ];
    let sql = "UPDATE entities SET document = $3, revision = $4, expires_at = $5 WHERE kind = $1 AND id = $2";
    match writing.session.execute(sql, &values).await? {
        0 => Err(StoreError::NotFound { kind: record.kind.to_owned(), id: record.id }),
        _ => Ok(()),
    }
}

async fn put_entities(writing: &mut Writing, records: &[Record]) -> Result<(), StoreError> {
    let documents =
        records.iter().map(|record| print(record, &writing.sealer)).collect::<Result<Vec<_>, _>>()?;
    let revision = Value::Integer(writing.revision);
    let rows: Vec<_> = records
        .iter()
        .zip(&documents)
        .map(|(record, document)| {
            vec![
                Value::Text(record.kind),
                Value::Id(record.id),
                Value::Text(document),
                revision.clone(),
                revision.clone(),
                Value::MaybeInteger(record.expires_at),
            ]
        })
        .collect();
    let into = "entities (kind, id, document, created, revision, expires_at)";
    if insert(writing, into, rows).await? != records.len() {
        for record in records {
            relations::claim_new(writing, record).await?;
        }
    }
    records.iter().try_for_each(|record| writing.note_record("create", record, None))
}

/// Index rows for entities that have none.
async fn put_relations(writing: &mut Writing, records: &[Record]) -> Result<(), StoreError> {
    let sealer = &writing.sealer;
    let text = |record: &Record, key: &UniqueKey| sealer.key_text(record.kind, key.field, &key.value);
    let texts: Vec<_> = records
        .iter()
        .flat_map(|record| record.keys.iter().map(move |key| (record, key.field, text(record, key))))
        .collect();
    let keys: Vec<_> = texts
        .iter()
        .map(|(record, field, value)| {
            vec![Value::Text(record.kind), Value::Text(field), Value::Text(value), Value::Id(record.id)]
        })
        .collect();
    let wanted = keys.len();
    if insert(writing, "entity_keys (kind, field, value, id)", keys).await? != wanted {
        for record in records {
            relations::claim(writing, record).await?;
        }
    }
    let links = records.iter().flat_map(|record| record.links.iter().map(move |link| (record, link)));
    let links: Vec<_> = links
        .map(|(record, link)| {
            vec![
                Value::Text(record.kind),
                Value::Id(record.id),
                Value::Text(link.field),
                Value::Text(link.target),
                Value::Id(link.id),
                Value::Text(match link.on_delete {
                    OnDelete::Restrict => "restrict",
                    OnDelete::Cascade => "cascade",
                }),
            ]
        })
        .collect();
    insert(writing, "entity_links (kind, id, field, target_kind, target_id, on_delete)", links).await?;
    let texts: Vec<_> =
        records.iter().flat_map(|record| record.tags.iter().map(move |tag| (record, indexed(tag)))).collect();
    let tags = texts
        .iter()
        .map(|(record, tag)| vec![Value::Text(tag), Value::Text(record.kind), Value::Id(record.id)]);
    let tags: Vec<_> = tags.collect();
    insert(writing, "entity_tags (tag, kind, id)", tags).await?;
    Ok(())
}

/// Inserts rows, except those whose key is taken. Gives how many went in.
async fn insert(writing: &mut Writing, into: &str, rows: Vec<Vec<Value<'_>>>) -> Result<usize, StoreError> {
    let mut inserted = 0;
    for chunk in rows.chunks(ROWS) {
        let width = chunk.first().map_or(0, Vec::len);
        let mut sql = format!("INSERT INTO {into} VALUES ");
        for row in 0..chunk.len() {
            let comma = if row == 0 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(sql, "{comma}({})", numbers(row * width + 1, width));
        }
        sql.push_str(" ON CONFLICT DO NOTHING");
        let values: Vec<Value<'_>> = chunk.iter().flatten().cloned().collect();
        inserted += usize::try_from(writing.session.execute(sql, &values).await?).unwrap_or(usize::MAX);
    }
    Ok(inserted)
}

/// `$2, $3, $4`: so many parameters from a first one on.
fn numbers(first: usize, count: usize) -> String {
    let all: Vec<String> = (first..first + count).map(|at| format!("${at}")).collect();
    all.join(", ")
}
