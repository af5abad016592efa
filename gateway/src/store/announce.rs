//! News that change no entity: told through the change feed, so that every node that runs hears them once.
//!
//! Who is away for longer than the feed goes back does not hear them, and neither does a node that starts
//! later: as with Kong's cluster events.

use std::net::SocketAddr;

use uuid::Uuid;

use super::feed::{Entry, FeedEntry, KeyValue, Operation};
use super::relations::Relations;
use super::settings::OPERATION_TIMEOUT;
use super::{Revision, Store, StoreError};

/// No entity is of this kind, so nobody takes the entry for a change of one.
const KIND: &str = "target_health";

/// The health of a target, set by an operator on one node for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthNews {
    /// Primary key of the upstream.
    pub upstream: Uuid,
    /// The target as it was written: `host:port`.
    pub target: String,
    /// One of its addresses; `None` for all.
    pub address: Option<SocketAddr>,
    /// What it is from now on.
    pub healthy: bool,
    /// Who tells, and knows already.
    pub node: Uuid,
}

impl HealthNews {
    /// What an entry of the feed says; `None` if it is about something else.
    pub fn of(entry: &FeedEntry) -> Option<Self> {
        let field = |name: &str| {
            let key = entry.keys.iter().find(|key| key.field == name)?;
            Some(key.value.as_str())
        };
        if entry.kind != KIND {
            return None;
        }
        let address = match field("address") {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        Some(Self {
            upstream: entry.id,
            target: field("target")?.to_owned(),
            address,
            healthy: field("healthy")? == "true",
            node: field("node")?.parse().ok()?,
        })
    }

    fn entry(&self) -> Entry {
        let key = |field: &str, value: String| KeyValue { field: field.to_owned(), value };
        let mut keys = vec![
            key("target", self.target.clone()),
            key("healthy", self.healthy.to_string()),
            key("node", self.node.to_string()),
        ];
        keys.extend(self.address.map(|address| key("address", address.to_string())));
        Entry::new(KIND, self.upstream, Operation::Replace, Relations::with_keys(keys))
    }
}

impl Store {
    /// Tells all nodes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`].
    pub async fn announce(&self, news: &HealthNews) -> Result<Revision, StoreError> {
        let entry = news.entry();
        self.writing(OPERATION_TIMEOUT, async move |writing| {
            writing.entries.push(entry);
            Ok(())
        })
        .await
    }
}
