//! From rows to what requests need.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::entry::{Entry, Found, Name};
use super::generations::Stamp;
use super::{Credential, IdentityError, Inner, kinds};
use crate::exchange::ConsumerFacts;
use crate::model::{Document, EXPIRES_AT};
use crate::store::{Lookup, PageQuery};

/// Groups of one consumer that are looked at; Kong sets no limit, a page needs one.
const MOST_GROUPS: usize = 1_000;

impl Inner {
    /// Asks the store for a key. `name` holds the key's text for indexes, which finds nothing if it
    /// is a digest; `key` is the key itself.
    pub(super) async fn load(&self, name: &Name<'_>, key: &str) -> Result<Entry, IdentityError> {
        let mut stamp = self.generations.stamp(name.hash);
        if name.kind == kinds::CONSUMERS {
            let found = self.load_consumer(key, &mut stamp).await?;
            return Ok(self.entry(name, found.map_or(Found::Nobody, Found::Consumer), stamp, None));
        }
        let lookup = Lookup::key(kinds::key_field(name.kind), key);
        let Some(document) = self.store.find(name.kind, &lookup).await? else {
            return Ok(self.entry(name, Found::Nobody, stamp, None));
        };
        let Some(owner) = reference(&document, "consumer") else {
            return Err(IdentityError::Broken(format!("a credential of {} without a consumer", name.kind)));
        };
        self.generations.stamp_consumer(&mut stamp, owner);
        // It may have been deleted in between; its credentials went with it.
        let Some(consumer) = self.store.find(kinds::CONSUMERS, &Lookup::Id(owner)).await? else {
            return Ok(self.entry(name, Found::Nobody, stamp, None));
        };
        let expires_at = expires_at(&document);
        let credential = credential(&document, Arc::new(self.member(owner, &consumer).await?));
        Ok(self.entry(name, Found::Credential(Arc::new(credential)), stamp, expires_at))
    }

    async fn load_consumer(
        &self,
        key: &str,
        stamp: &mut Stamp,
    ) -> Result<Option<Arc<ConsumerFacts>>, IdentityError> {
        let mut found = None;
        if let Ok(id) = Uuid::try_parse(key) {
            found = self.store.find(kinds::CONSUMERS, &Lookup::Id(id)).await?;
        }
        if found.is_none() {
            found = self.store.find(kinds::CONSUMERS, &Lookup::key("username", key)).await?;
        }
        let Some(document) = found else { return Ok(None) };
        let id = id(&document).ok_or_else(|| IdentityError::Broken("a consumer without an id".to_owned()))?;
        // The counter of the key tells of changes to the consumer, this one of those to its groups.
        self.generations.stamp_consumer(stamp, id);
        Ok(Some(Arc::new(self.member(id, &document).await?)))
    }

    /// A consumer with the groups that it is in, of both sorts.
    async fn member(&self, id: Uuid, document: &Document) -> Result<ConsumerFacts, IdentityError> {
        let query = PageQuery {
            size: MOST_GROUPS,
            parent: Some(("consumer".to_owned(), id)),
            ..PageQuery::default()
        };
        let mut groups = Vec::new();
        for member in self.store.page(kinds::MEMBERS, &query).await?.documents {
            let Some(group) = reference(&member, "consumer_group") else { continue };
            let found = self.store.find(kinds::GROUPS, &Lookup::Id(group)).await?;
            groups.extend(found.map(|found| (name(&found), group)));
        }
        let acls = self.store.page(kinds::ACLS, &query).await?.documents;
        Ok(facts(id, document).in_groups(by_name(groups)).with_acls(acls.iter().filter_map(group)))
    }

    pub(super) fn entry(
        &self,
        name: &Name<'_>,
        found: Found,
        stamp: Stamp,
        expires_at: Option<i64>,
    ) -> Entry {
        let known = !matches!(found, Found::Nobody);
        let fresh_for = if known { self.limits.known_for } else { self.limits.unknown_for };
        Entry {
            kind: name.kind.into(),
            key: name.key.into(),
            found,
            stamp,
            fresh_until: Instant::now() + fresh_for,
            expires_at,
        }
    }
}

/// The credential of a document, and whose it is.
pub(super) fn credential(document: &Document, consumer: Arc<ConsumerFacts>) -> Credential {
    Credential {
        consumer,
        id: document.get("id").and_then(Value::as_str).unwrap_or_default().into(),
        data_json: print(document).into(),
    }
}

/// The consumer of a document.
pub(super) fn facts(id: Uuid, document: &Document) -> ConsumerFacts {
    let text = |field: &str| document.get(field).and_then(Value::as_str).map(str::to_owned);
    ConsumerFacts::new(id, text("username"), text("custom_id"), print(document))
}

/// The name of a group.
pub(super) fn name(group: &Document) -> String {
    group.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Groups in the order of their names: the same on every node, and one that operators can see.
pub(super) fn by_name(mut groups: Vec<(String, Uuid)>) -> Vec<Uuid> {
    groups.sort();
    groups.into_iter().map(|(_, id)| id).collect()
}

/// The group of an `acls` document.
pub(super) fn group(document: &Document) -> Option<String> {
    document.get("group").and_then(Value::as_str).map(str::to_owned)
}

pub(super) fn id(document: &Document) -> Option<Uuid> {
    document.get("id").and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok())
}

/// The id in a field of the form `{"id": "…"}`.
pub(super) fn reference(document: &Document, field: &str) -> Option<Uuid> {
    document.get(field).and_then(Value::as_object).and_then(id)
}

pub(super) fn expires_at(document: &Document) -> Option<i64> {
    document.get(EXPIRES_AT).and_then(Value::as_i64)
}

fn print(document: &Document) -> String {
    // A map of JSON values always prints.
    serde_json::to_string(document).unwrap_or_default()
}
