//! Consumers and their credentials on disk, as many as fit: with the database away after a restart,
//! the callers known here go on working, and the others hear "unavailable".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::file::{Lines, Slot};
use super::{LastGood, LastGoodError};
use crate::model::Document;
use crate::store::{PageQuery, Store, StoreError};

/// Entities a query.
const BATCH: usize = 1_000;

/// What was saved of consumers and credentials.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SavedIdentities {
    /// By kind: `consumers`, `keyauth_credentials` and so on.
    pub documents: BTreeMap<String, Vec<Document>>,
    /// Whether the database held more than was saved.
    pub truncated: bool,
}

impl LastGood {
    /// Saves up to `limit` entities of each of the kinds, the first ones in the order of their ids.
    /// Gives what is in the file by number and whether there were more.
    ///
    /// Reads a page at a time and holds the text of the file in memory: about 1 KB an entity.
    ///
    /// # Errors
    ///
    /// [`LastGoodError::Read`] or [`LastGoodError::Write`]; what was saved before is still there.
    pub async fn save_identities(
        &self,
        store: &Store,
        kinds: &[&str],
        limit: usize,
    ) -> Result<(usize, bool), LastGoodError> {
        let mut lines = Vec::new();
        let mut truncated = false;
        for kind in kinds {
            truncated |= read(store, kind, limit, &mut lines).await?;
        }
        let saved = lines.len();
        let mut file = Lines::new(json!({ "truncated": truncated, "limit_per_kind": limit }));
        lines.iter().for_each(|line| file.push(line));
        let slot = self.identities();
        tokio::task::spawn_blocking(move || slot.write(file))
            .await
            .map_err(|_| LastGoodError::BrokenOff)??;
        Ok((saved, truncated))
    }

    /// Reads the newest set that is whole; empty if there is none.
    pub async fn load_identities(&self) -> SavedIdentities {
        let slot = self.identities();
        tokio::task::spawn_blocking(move || slot.read(&identities)).await.ok().flatten().unwrap_or_default()
    }

    fn identities(&self) -> Slot {
        Slot::new(&self.folder, "identities", self.keys.clone())
    }
}

/// Adds up to `limit` entities of a kind. Whether there are more.
async fn read(store: &Store, kind: &str, limit: usize, lines: &mut Vec<Value>) -> Result<bool, StoreError> {
    let mut query = PageQuery::default();
    let mut left = limit;
    loop {
        query.size = BATCH.min(left);
        let page = store.page(kind, &query).await?;
        left -= page.documents.len();
        lines.extend(page.documents.iter().map(|document| json!({ "kind": kind, "document": document })));
        query.after = page.next;
        if left == 0 || page.next.is_none() {
            return Ok(page.next.is_some());
        }
    }
}

fn identities(head: &Value, lines: &mut dyn Iterator<Item = &str>) -> Option<SavedIdentities> {
    let truncated = head.get("truncated")?.as_bool()?;
    let mut documents: BTreeMap<String, Vec<Document>> = BTreeMap::new();
    for line in lines {
        let Value::Object(mut entity) = serde_json::from_str(line).ok()? else {
            return None;
        };
        let (Value::String(kind), Value::Object(document)) =
            (entity.remove("kind")?, entity.remove("document")?)
        else {
            return None;
        };
        documents.entry(kind).or_default().push(document);
    }
    Some(SavedIdentities { documents, truncated })
}
