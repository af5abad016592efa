//! What the store says, kept up to date: whole at first, then only what changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::identity::Identity;
use crate::model::Document;
use crate::snapshot::Configuration;
use crate::store::{CatalogRows, Changes, FeedEntry, Lookup, News, Revision, Store, StoreError};

/// More changed entities than this are read as a whole.
const MOST_CHANGES: usize = 256;
/// Rounds after which writes that keep coming are read as a whole, in one transaction.
const ROUNDS: usize = 3;

/// The configuration as far as it was read.
#[derive(Debug)]
pub(super) struct Rows {
    store: Store,
    identity: Identity,
    configuration: Arc<Configuration>,
    revision: Revision,
    /// False until the store itself was read: what comes from disk may belong to another database.
    from_store: bool,
    /// What operators on other nodes have said meanwhile.
    news: Vec<News>,
}

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The snapshot has to be built anew.
    Configuration,
    /// Nothing that a snapshot holds.
    Nothing,
}

type Key = (String, Uuid);

impl Rows {
    pub(super) fn new(store: Store, identity: Identity) -> Self {
        let (configuration, news) = (Arc::default(), Vec::new());
        Self { store, identity, configuration, revision: 0, from_store: false, news }
    }

    /// What was heard since the last time.
    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn configuration(&self) -> &Arc<Configuration> {
        &self.configuration
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) fn is_from_store(&self) -> bool {
        self.from_store
    }

    /// Begins with what was saved on disk.
    pub(super) fn begin_with(&mut self, saved: &CatalogRows) {
        self.configuration = Arc::new(Configuration::from_documents(&saved.documents, &self.configuration));
        self.revision = saved.revision;
    }

    /// Catches up with the store. What changed of consumers and credentials is forgotten by the time
    /// this returns. On an error everything stays as it was.
    pub(super) async fn read(&mut self) -> Result<Found, StoreError> {
        if !self.from_store {
            return self.read_whole().await;
        }
        let mut changed = Vec::new();
        let mut revision = self.revision;
        for _ in 0..ROUNDS {
            let changes = self.store.changes_since(revision, MOST_CHANGES).await?;
            self.identity.invalidate_changes(&changes).await;
            let Changes::Entries(entries) = changes else {
                return self.read_whole().await;
            };
            // Nothing newer than what was read: the documents are of one moment.
            let Some(last) = entries.last() else {
                return Ok(self.apply(changed, revision));
            };
            revision = last.revision;
            self.news.extend(entries.iter().filter_map(News::of));
            let keys = configured(&entries);
            if keys.len() >= MOST_CHANGES {
                return self.read_whole().await;
            }
            for (kind, id) in keys {
                let document = self.store.find(&kind, &Lookup::Id(id)).await?;
                changed.push((kind, id, document));
            }
        }
        self.read_whole().await
    }

    async fn read_whole(&mut self) -> Result<Found, StoreError> {
        let previous = Arc::clone(&self.configuration);
        let mut next = Configuration::default();
        let mut take = |kind: &str, document: Document| next.set(kind, &document, &previous);
        let (revision, bad_rows) = self.store.visit_catalog(&Configuration::KINDS, &mut take).await?;
        for bad in &bad_rows {
            tracing::warn!(kind = bad.kind, id = bad.id, reason = bad.reason, "a row cannot be read");
        }
        // Which credentials changed meanwhile was not followed one by one.
        self.identity.invalidate_all();
        self.configuration = Arc::new(next);
        self.revision = revision;
        self.from_store = true;
        Ok(Found::Configuration)
    }

    fn apply(&mut self, changed: Vec<(String, Uuid, Option<Document>)>, revision: Revision) -> Found {
        self.revision = revision;
        if changed.is_empty() {
            return Found::Nothing;
        }
        let configuration = Arc::make_mut(&mut self.configuration);
        for (kind, id, document) in changed {
            match document {
                Some(document) => configuration.set(&kind, &document, &Configuration::default()),
                None => configuration.remove(&kind, id),
            }
        }
        Found::Configuration
    }
}

/// The entities among the changes that a snapshot is made of, each once.
fn configured(entries: &[FeedEntry]) -> BTreeSet<Key> {
    let ours = entries.iter().filter(|entry| Configuration::KINDS.contains(&entry.kind.as_str()));
    ours.map(|entry| (entry.kind.clone(), entry.id)).collect()
}
