//! The store as one caller may use it: what is out of the caller's scope is not there and cannot be
//! changed, secrets are hidden from those who only read, and every write is written down.
//!
//! Handlers have no other way to the entities, so none of them has to think of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use super::redactor::Redactor;
use super::trace::Trace;
use crate::model::{Document, Record};
use crate::store::{
    Bulk, Change, Lookup, Page, PageQuery, Revision, Store, StoreError, TagFilter, Terms, Versioned, Within,
};

/// Kinds that every caller sees: their schemas and names say what can be configured.
const SHARED: &[&str] = &["custom_plugins", "workspaces"];
/// Kinds without tags, that are inside if both ends are.
const BY_LINKS: &[&str] = &["consumer_group_consumers"];
/// Kinds that no caller with a scope writes: a vault opens what belongs to the whole gateway.
const UNSCOPED: [&str; 2] = ["vaults", "workspaces"];
/// How a text begins that stands for a value in a vault.
const REFERENCE: &str = "{vault://";

/// The store as one caller may use it. A clone is cheap.
///
/// What it waits for is boxed: it is in the middle of every handler, and the store's part of it is large.
#[derive(Clone)]
pub(super) struct GuardedStore {
    store: Store,
    pub(super) redactor: Arc<Redactor>,
    guard: Option<Guard>,
}

/// The limits of a caller, and what is written down of the call.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) scope: Option<Arc<[String]>>,
    pub(super) hides_secrets: bool,
    pub(super) trace: Option<Arc<Trace>>,
}

impl GuardedStore {
    /// Without limits.
    pub(super) fn new(store: Store, redactor: Arc<Redactor>) -> Self {
        Self { store, redactor, guard: None }
    }

    pub(super) fn guarded(&self, guard: Guard) -> Self {
        Self { guard: Some(guard), ..self.clone() }
    }

    /// The store itself, for what must look at everything whoever calls, and shows nothing of it.
    pub(super) fn whole(&self) -> &Store {
        &self.store
    }

    /// The tags that limit the caller.
    pub(super) fn scope(&self) -> Option<&[String]> {
        self.guard.as_ref()?.scope.as_deref()
    }

    pub(super) async fn find(&self, kind: &str, lookup: &Lookup) -> Result<Option<Document>, StoreError> {
        Ok(self.find_versioned(kind, lookup).await?.map(|found| found.document))
    }

    pub(super) async fn find_versioned(
        &self,
        kind: &str,
        lookup: &Lookup,
    ) -> Result<Option<Versioned>, StoreError> {
        let found = Box::pin(self.store.find_versioned(kind, lookup))
            .await?
            .filter(|found| self.sees(kind, &found.document));
        let Some(mut found) = found else { return Ok(None) };
        found.document = self.shown(kind, found.document).await?;
        Ok(Some(found))
    }

    pub(super) async fn page(&self, kind: &str, query: &PageQuery) -> Result<Page, StoreError> {
        let mut page = match self.scope() {
            None => Box::pin(self.store.page(kind, query)).await?,
            Some(_) if is_open(kind) => Box::pin(self.store.page(kind, query)).await?,
            Some(scope) => Box::pin(self.store.page(kind, &narrowed(query, scope))).await?,
        };
        if self.hides_secrets() {
            for document in &mut page.documents {
                *document = self.shown(kind, std::mem::take(document)).await?;
            }
        }
        Ok(page)
    }

    /// Makes all changes or none, within the caller's scope, and writes down who made them.
    pub(super) async fn write(&self, changes: Vec<Change>) -> Result<Revision, StoreError> {
        if self.scope().is_some() {
            for change in &changes {
                Box::pin(self.check(change)).await?;
            }
        }
        let trace = self.guard.as_ref().and_then(|guard| guard.trace.as_ref());
        let terms = Terms {
            within: self.scope().map(|scope| Within {
                tags: scope.to_vec(),
                shared: SHARED,
                by_links: BY_LINKS,
            }),
            attribution: trace.map(|trace| trace.of_change(&self.redactor)),
        };
        let is_change = !changes.is_empty();
        let revision = Box::pin(self.store.write_under(changes, terms)).await?;
        if let (Some(trace), true) = (trace, is_change) {
            trace.note_recorded();
        }
        Ok(revision)
    }

    /// Makes changes that were worked out against everything, and writes down who made them. For callers
    /// without a scope.
    pub(super) async fn write_bulk(
        &self,
        bulk: &Bulk,
        unchanged_since: Revision,
    ) -> Result<Revision, StoreError> {
        let trace = self.guard.as_ref().and_then(|guard| guard.trace.as_ref());
        let attribution = trace.map(|trace| trace.of_change(&self.redactor));
        let terms = Terms { within: None, attribution };
        let revision = Box::pin(self.store.write_bulk(bulk, unchanged_since, terms, &|_, _| ())).await?;
        if let (Some(trace), false) = (trace, bulk.is_empty()) {
            trace.note_recorded();
        }
        Ok(revision)
    }

    pub(super) async fn revision(&self) -> Result<Revision, StoreError> {
        self.store.revision().await
    }

    pub(super) fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    pub(super) async fn put_component(&self, digest: &str, bytes: &Bytes) -> Result<(), StoreError> {
        self.store.put_component(digest, bytes).await
    }

    pub(super) async fn sweep_components(
        &self,
        in_use: &std::collections::HashSet<String>,
        unnamed: Duration,
    ) -> Result<u64, StoreError> {
        self.store.sweep_components(in_use, unnamed).await
    }

    /// Whether the caller sees the entity.
    pub(super) fn sees(&self, kind: &str, entity: &Document) -> bool {
        let Some(scope) = self.scope() else { return true };
        let tags = entity.get("tags").and_then(Value::as_array);
        is_open(kind)
            || tags.is_some_and(|tags| {
                tags.iter().filter_map(Value::as_str).any(|tag| scope.iter().any(|known| known == tag))
            })
    }

    fn hides_secrets(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| guard.hides_secrets)
    }

    async fn shown(&self, kind: &str, entity: Document) -> Result<Document, StoreError> {
        if !self.hides_secrets() {
            return Ok(entity);
        }
        Box::pin(self.redactor.learn(&self.store, kind, &entity)).await?;
        Ok(self.redactor.redact(kind, &entity))
    }

    /// What the tags of an entity do not tell: that it would work far beyond them.
    async fn check(&self, change: &Change) -> Result<(), StoreError> {
        let (kind, record) = match change {
            Change::Insert(record) | Change::Replace(record) | Change::ReplaceIf { record, .. } => {
                (record.kind, Some(record))
            }
            Change::Delete { kind, .. } => (kind.as_str(), None),
        };
        let refuse = |why| {
            let id = record.map_or(Uuid::nil(), |record| record.id);
            Err(StoreError::OutOfReach { kind: kind.to_owned(), id, why })
        };
        if UNSCOPED.contains(&kind) {
            return refuse("it belongs to the whole gateway");
        }
        let Some(record) = record else { return Ok(()) };
        let limits = ["route", "service", "consumer"];
        if kind == "plugins" && !record.links.iter().any(|link| limits.contains(&link.field)) {
            return refuse("without a route, service or consumer it would work on every request");
        }
        if self.adds_reference(record).await? {
            return refuse("a reference to a vault would read what belongs to the whole gateway");
        }
        Ok(())
    }

    /// Whether the record refers to a vault where the stored entity does not.
    async fn adds_reference(&self, record: &Record) -> Result<bool, StoreError> {
        let mut new = Vec::new();
        record.document.values().for_each(|value| references(value, &mut new));
        if new.is_empty() {
            return Ok(false);
        }
        let stored = self.store.find(record.kind, &Lookup::Id(record.id)).await?.unwrap_or_default();
        let mut old = Vec::new();
        stored.values().for_each(|value| references(value, &mut old));
        Ok(new.iter().any(|reference| !old.contains(reference)))
    }
}

fn is_open(kind: &str) -> bool {
    SHARED.contains(&kind) || BY_LINKS.contains(&kind)
}

/// The same question about the entities with one of these tags.
fn narrowed(query: &PageQuery, scope: &[String]) -> PageQuery {
    let mut query = query.clone();
    match query.tags {
        None => query.tags = Some(TagFilter::Any(scope.to_vec())),
        Some(_) => query.also = Some(scope.to_vec()),
    }
    query
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.trim_start().starts_with(REFERENCE) => found.push(text),
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        Value::Object(map) => map.values().for_each(|value| references(value, found)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
