//! From the change feed to what is no longer believed.

use super::entry::Name;
use super::{Identity, kinds};
use crate::store::{Changes, FeedEntry};

impl Identity {
    /// Forgets what a change made wrong: the keys it names, and what depends on its consumer.
    ///
    /// Once this returns, no request hears the old answer while the store can be asked.
    pub async fn invalidate(&self, entry: &FeedEntry) {
        for key in &entry.keys {
            let text = self.inner.store.lasting_key_text(&entry.kind, &key.field, &key.value);
            self.forget(&entry.kind, &text).await;
        }
        if entry.kind == kinds::CONSUMERS {
            self.forget(kinds::CONSUMERS, &entry.id.to_string()).await;
            self.inner.generations.consumer_changed(entry.id);
        }
        if entry.kind == kinds::ACLS {
            let owners = entry.links.iter().filter(|(kind, _)| kind == kinds::CONSUMERS);
            owners.for_each(|(_, id)| self.inner.generations.consumer_changed(*id));
        }
    }

    /// The same for all that happened since a revision.
    pub async fn invalidate_changes(&self, changes: &Changes) {
        match changes {
            Changes::Entries(entries) => {
                for entry in entries {
                    self.invalidate(entry).await;
                }
            }
            Changes::TooOld => self.invalidate_all(),
        }
    }

    /// Believes nothing until it was looked up again. What is known stays at hand for the time when
    /// the store cannot be asked.
    pub fn invalidate_all(&self) {
        self.inner.generations.anything_changed();
        self.inner.unknown.invalidate_all();
    }

    async fn forget(&self, kind: &str, key: &str) {
        let name: Name<'_> = self.inner.name(kind, key);
        // First the counter: a look-up that is on its way carries the old one.
        self.inner.generations.key_changed(name.hash);
        let text = name.text();
        self.inner.known.invalidate(text.as_str()).await;
        self.inner.unknown.invalidate(text.as_str()).await;
    }
}
