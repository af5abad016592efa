//! The last good configuration on disk, so that a node starts and serves while the database is away.
//!
//! Two files, each with the generation before it: the catalog, saved after each reload that worked,
//! and a bounded set of consumers and credentials, saved now and then. Both hold secrets; the
//! operator's keys seal them whole, and only the owner may read them. Components are not in here: the plugin host keeps
//! them by digest.

mod file;
mod identities;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

pub use identities::SavedIdentities;

use super::{CatalogRows, Revision};
use crate::model::Document;
use crate::sealing::Keyring;
use file::{Lines, Slot};

/// The folder with the last good configuration. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LastGood {
    folder: PathBuf,
    keys: Option<Arc<Keyring>>,
}

/// Why the configuration could not be saved. Reading never fails: what cannot be read is not there.
#[derive(Debug, thiserror::Error)]
pub enum LastGoodError {
    /// The disk refused.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The consumers could not be read from the database.
    #[error("cannot read what is to be saved")]
    Read(#[from] super::StoreError),
    /// There are keys, and they do not seal.
    #[error("it cannot be sealed")]
    Seal,
    /// The thread that writes ended early.
    #[error("the writing was broken off")]
    BrokenOff,
}

impl LastGood {
    /// Files in `folder`, which is made when something is saved.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), keys: None }
    }

    /// Seals what is saved from now on.
    #[must_use]
    pub fn with_keys(self, keys: Option<Arc<Keyring>>) -> Self {
        Self { keys, ..self }
    }

    /// Saves the entities of each kind, as JSON in one line each, and keeps what was saved before. Atomic: a crash at any moment leaves a whole one.
    ///
    /// # Errors
    ///
    /// [`LastGoodError::Write`]; what was saved before is still there.
    pub async fn save(
        &self,
        revision: Revision,
        kinds: BTreeMap<String, Vec<Arc<str>>>,
    ) -> Result<(), LastGoodError> {
        let slot = self.catalog();
        let writing = tokio::task::spawn_blocking(move || {
            let mut lines = Lines::new(json!({ "revision": revision }));
            for (kind, texts) in &kinds {
                // An empty kind is named too: it was asked for.
                lines.push(&json!({ "kind": kind, "count": texts.len() }));
                texts.iter().for_each(|text| lines.push_text(text));
            }
            slot.write(lines)
        });
        writing.await.map_err(|_| LastGoodError::BrokenOff)?
    }

    /// Reads the newest catalog that is whole; `None` if there is none. What is not whole is logged.
    pub async fn load(&self) -> Option<CatalogRows> {
        let slot = self.catalog();
        tokio::task::spawn_blocking(move || slot.read(&catalog)).await.ok().flatten()
    }

    fn catalog(&self) -> Slot {
        Slot::new(&self.folder, "catalog", self.keys.clone())
    }
}

fn catalog(head: &Value, lines: &mut dyn Iterator<Item = &str>) -> Option<CatalogRows> {
    let revision = head.get("revision").and_then(Value::as_i64)? as Revision;
    let mut documents: BTreeMap<String, Vec<Document>> = BTreeMap::new();
    while let Some(line) = lines.next() {
        let head: Value = serde_json::from_str(line).ok()?;
        let kind = head.get("kind")?.as_str()?;
        let count = usize::try_from(head.get("count")?.as_u64()?).ok()?;
        let of_kind = documents.entry(kind.to_owned()).or_default();
        for _ in 0..count {
            of_kind.push(serde_json::from_str(lines.next()?).ok()?);
        }
    }
    Some(CatalogRows { revision, documents, bad_rows: Vec::new() })
}

#[cfg(test)]
mod tests;
