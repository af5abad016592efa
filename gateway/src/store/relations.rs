//! What an entity is found by, refers to and is tagged with, and what a delete does to others.
//!
//! Uniqueness and references are checked here, inside the write, and not left to constraints: the
//! caller hears which field and which value, and one wrong record does not end a transaction in
//! Postgres' own words.

use std::collections::HashSet;

use uuid::Uuid;

use super::StoreError;
use super::dialect::{Session, Value};
use super::feed::{Entry, KeyValue, Operation};
use super::indexed::indexed;
use super::sealed::Sealer;
use super::write::Writing;
use crate::model::{OnDelete, Record};

/// Keys and references of an entity, as the change feed tells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Relations {
    /// Field and value as the indexes hold them.
    pub(super) keys: Vec<KeyValue>,
    /// Field, target kind, target, what a delete of the target does.
    links: Vec<(String, String, Uuid, OnDelete)>,
}

impl Relations {
    pub(super) fn of(record: &Record, sealer: &Sealer) -> Self {
        let keys = record.keys.iter().map(|key| KeyValue {
            field: key.field.to_owned(),
            value: sealer.key_text(record.kind, key.field, &key.value),
        });
        let links = record.links.iter();
        Self {
            keys: keys.collect(),
            links: links
                .map(|link| (link.field.to_owned(), link.target.to_owned(), link.id, link.on_delete))
                .collect(),
        }
    }

    /// Keys alone.
    pub(super) fn with_keys(keys: Vec<KeyValue>) -> Self {
        Self { keys, links: Vec::new() }
    }

    /// Both, each thing once.
    pub(super) fn merged(mut self, other: Self) -> Self {
        for key in other.keys {
            if !self.keys.contains(&key) {
                self.keys.push(key);
            }
        }
        for link in other.links {
            if !self.links.contains(&link) {
                self.links.push(link);
            }
        }
        self
    }

    /// Kinds and ids referred to.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&str, Uuid)> {
        self.links.iter().map(|(_, kind, id, _)| (kind.as_str(), *id))
    }
}

/// What the index tables hold of an entity.
pub(super) async fn read(session: &mut Session, kind: &str, id: Uuid) -> Result<Relations, StoreError> {
    let values = [Value::Text(kind), Value::Id(id)];
    let mut found = Relations::default();
    for row in
        session.rows("SELECT field, value FROM entity_keys WHERE kind = $1 AND id = $2", &values).await?
    {
        found.keys.push(KeyValue { field: row.text(0)?, value: row.text(1)? });
    }
    let sql = "SELECT field, target_kind, target_id, on_delete FROM entity_links WHERE kind = $1 AND id = $2";
    for row in session.rows(sql, &values).await? {
        let on_delete = if row.text(3)? == "cascade" { OnDelete::Cascade } else { OnDelete::Restrict };
        found.links.push((row.text(0)?, row.text(1)?, row.id(2)?, on_delete));
    }
    Ok(found)
}

/// Makes sure that nobody else has the record's keys. One who has them but expired goes now.
pub(super) async fn claim(writing: &mut Writing, record: &Record) -> Result<(), StoreError> {
    let sql = "SELECT k.id, e.expires_at FROM entity_keys k JOIN entities e ON e.kind = k.kind AND e.id = k.id \
         WHERE k.kind = $1 AND k.field = $2 AND k.value IN ($3, $4)";
    let sealing = std::sync::Arc::clone(&writing.sealer.sealing);
    for key in &record.keys {
        let (plain, keyed) =
            sealing.forms(&mut writing.session, (record.kind, key.field), &key.value).await?;
        let keyed = keyed.as_ref().unwrap_or(&plain);
        let values =
            [Value::Text(record.kind), Value::Text(key.field), Value::Text(&plain), Value::Text(keyed)];
        let Some(row) = writing.session.row(sql, &values).await? else {
            continue;
        };
        let owner = row.id(0)?;
        if owner == record.id {
            continue;
        }
        if row.maybe_integer(1)?.is_none_or(|expires_at| expires_at > writing.now) {
            return Err(conflict(record, key.field, &key.value));
        }
        remove(writing, record.kind, owner).await?;
    }
    Ok(())
}

/// The id is free, or becomes so because its holder expired.
pub(super) async fn claim_id(writing: &mut Writing, record: &Record) -> Result<(), StoreError> {
    let values = [Value::Text(record.kind), Value::Id(record.id)];
    let sql = "SELECT expires_at FROM entities WHERE kind = $1 AND id = $2";
    let Some(row) = writing.session.row(sql, &values).await? else {
        return Ok(());
    };
    if row.maybe_integer(0)?.is_none_or(|expires_at| expires_at > writing.now) {
        return Err(conflict(record, "id", &record.id.to_string()));
    }
    remove(writing, record.kind, record.id).await
}

/// The id was free before this write.
pub(super) async fn claim_new(writing: &mut Writing, record: &Record) -> Result<(), StoreError> {
    match writing.revision_of(record.kind, record.id).await? {
        Some(revision) if revision == writing.revision => Ok(()),
        Some(_) | None => Err(conflict(record, "id", &record.id.to_string())),
    }
}

fn conflict(record: &Record, field: &str, value: &str) -> StoreError {
    StoreError::Conflict { kind: record.kind.to_owned(), field: field.to_owned(), value: value.to_owned() }
}

/// Writes the index rows of a new entity, or brings them from `old` to what the record says.
pub(super) async fn put(
    writing: &mut Writing,
    record: &Record,
    old: Option<&Relations>,
    new: &Relations,
) -> Result<(), StoreError> {
    let of_record = [Value::Text(record.kind), Value::Id(record.id)];
    if old.is_none_or(|old| !same(&old.keys, &new.keys)) {
        if old.is_some() {
            let sql = "DELETE FROM entity_keys WHERE kind = $1 AND id = $2";
            writing.session.execute(sql, &of_record).await?;
        }
        put_keys(writing, record, new).await?;
    }
    if old.is_none_or(|old| !same(&old.links, &new.links)) {
        if old.is_some() {
            let sql = "DELETE FROM entity_links WHERE kind = $1 AND id = $2";
            writing.session.execute(sql, &of_record).await?;
        }
        put_links(writing, record).await?;
    }
    if old.is_some() {
        writing.session.execute("DELETE FROM entity_tags WHERE kind = $1 AND id = $2", &of_record).await?;
    }
    put_tags(writing, record).await
}

fn same<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.len() == other.len() && one.iter().all(|item| other.contains(item))
}

async fn put_keys(writing: &mut Writing, record: &Record, new: &Relations) -> Result<(), StoreError> {
    let sql = "INSERT INTO entity_keys (kind, field, value, id) VALUES ($1, $2, $3, $4)";
    for key in &new.keys {
        let values = [
            Value::Text(record.kind),
            Value::Text(&key.field),
            Value::Text(&key.value),
            Value::Id(record.id),
        ];
        writing.session.execute(sql, &values).await?;
    }
    Ok(())
}

async fn put_links(writing: &mut Writing, record: &Record) -> Result<(), StoreError> {
    let sql = "INSERT INTO entity_links (kind, id, field, target_kind, target_id, on_delete) \
         VALUES ($1, $2, $3, $4, $5, $6)";
    for link in &record.links {
        // The record itself is already in its table, so it may refer to itself.
        if writing.revision_of(link.target, link.id).await?.is_none() {
            return Err(StoreError::MissingReference {
                field: link.field.to_owned(),
                target: link.target.to_owned(),
                id: link.id,
            });
        }
        let on_delete = match link.on_delete {
            OnDelete::Restrict => "restrict",
            OnDelete::Cascade => "cascade",
        };
        let values = [
            Value::Text(record.kind),
            Value::Id(record.id),
            Value::Text(link.field),
            Value::Text(link.target),
            Value::Id(link.id),
            Value::Text(on_delete),
        ];
        writing.session.execute(sql, &values).await?;
    }
    Ok(())
}

async fn put_tags(writing: &mut Writing, record: &Record) -> Result<(), StoreError> {
    let sql = "INSERT INTO entity_tags (tag, kind, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    for tag in &record.tags {
        let values = [Value::Text(&indexed(tag)), Value::Text(record.kind), Value::Id(record.id)];
        writing.session.execute(sql, &values).await?;
    }
    Ok(())
}

/// Deletes an entity and all that go when it goes; nothing if one that stays holds on to them.
pub(super) async fn remove(writing: &mut Writing, kind: &str, id: Uuid) -> Result<(), StoreError> {
    let going = going_with(writing, kind, id).await?;
    remove_all(writing, &going).await
}

/// An entity and all that go when it goes.
///
/// An entity that restricts but has expired, or goes in the same sweep, restricts no more.
pub(super) async fn going_with(
    writing: &mut Writing,
    kind: &str,
    id: Uuid,
) -> Result<Vec<(String, Uuid)>, StoreError> {
    let mut going = vec![(kind.to_owned(), id)];
    let mut seen: HashSet<_> = going.iter().cloned().collect();
    let mut restricts = Vec::new();
    let mut position = 0;
    while let Some((kind, id)) = going.get(position).cloned() {
        position += 1;
        for referrer in referrers(writing, &kind, id).await? {
            match referrer.on_delete {
                OnDelete::Cascade if seen.insert(referrer.entity.clone()) => going.push(referrer.entity),
                OnDelete::Cascade => {}
                OnDelete::Restrict => restricts.push((kind.clone(), referrer.entity)),
            }
        }
    }
    if let Some((kind, (by_kind, _))) = restricts.into_iter().find(|(_, referrer)| !seen.contains(referrer)) {
        return Err(StoreError::Referenced { kind, by_kind });
    }
    Ok(going)
}

/// Deletes entities, with nothing that refers to them left.
pub(super) async fn remove_all(writing: &mut Writing, going: &[(String, Uuid)]) -> Result<(), StoreError> {
    for (kind, id) in going {
        remove_one(writing, kind, *id).await?;
    }
    Ok(())
}

struct Referrer {
    entity: (String, Uuid),
    on_delete: OnDelete,
}

async fn referrers(writing: &mut Writing, kind: &str, id: Uuid) -> Result<Vec<Referrer>, StoreError> {
    let sql = "SELECT l.kind, l.id, l.on_delete, e.expires_at FROM entity_links l \
         JOIN entities e ON e.kind = l.kind AND e.id = l.id WHERE l.target_id = $1 AND l.target_kind = $2";
    let mut found = Vec::new();
    for row in writing.session.rows(sql, &[Value::Id(id), Value::Text(kind)]).await? {
        let expired = row.maybe_integer(3)?.is_some_and(|expires_at| expires_at <= writing.now);
        let cascade = expired || row.text(2)? == "cascade";
        let on_delete = if cascade { OnDelete::Cascade } else { OnDelete::Restrict };
        found.push(Referrer { entity: (row.text(0)?, row.id(1)?), on_delete });
    }
    Ok(found)
}

async fn remove_one(writing: &mut Writing, kind: &str, id: Uuid) -> Result<(), StoreError> {
    let old = read(&mut writing.session, kind, id).await?;
    let before = writing.observe(kind, id).await?;
    for sql in [
        "DELETE FROM entities WHERE kind = $1 AND id = $2",
        "DELETE FROM entity_keys WHERE kind = $1 AND id = $2",
        "DELETE FROM entity_links WHERE kind = $1 AND id = $2",
        "DELETE FROM entity_tags WHERE kind = $1 AND id = $2",
    ] {
        writing.session.execute(sql, &[Value::Text(kind), Value::Id(id)]).await?;
    }
    writing.note("delete", (kind, id), before.as_ref(), None);
    writing.entries.push(Entry::new(kind, id, Operation::Delete, old));
    Ok(())
}
