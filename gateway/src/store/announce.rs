//! News that change no entity: told through the change feed, so that every node that runs hears them once.
//!
//! Who is away for longer than the feed goes back does not hear them, and neither does a node that starts
//! later: as with Kong's cluster events.

use std::net::SocketAddr;
use std::time::Duration;

use uuid::Uuid;

use super::feed::{Entry, FeedEntry, KeyValue, Operation};
use super::relations::Relations;
use super::settings::OPERATION_TIMEOUT;
use super::{Revision, Store, StoreError};

// No entity is of these kinds, so nobody takes an entry for a change of one.
const HEALTH: &str = "target_health";
const LEVEL: &str = "log_level";

/// What one node tells all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An operator has set the health of a target.
    Health(HealthNews),
    /// An operator has set the level of all logs.
    Level(LevelNews),
}

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

/// How much all nodes say about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelNews {
    /// Kong's word for the level.
    pub level: String,
    /// How long; zero is until somebody changes it again.
    pub lasts: Duration,
    /// Who tells, and has done so.
    pub node: Uuid,
}

impl News {
    /// What an entry of the feed says; `None` if it is about something else.
    pub fn of(entry: &FeedEntry) -> Option<Self> {
        match entry.kind.as_str() {
            HEALTH => HealthNews::of(entry).map(Self::Health),
            LEVEL => LevelNews::of(entry).map(Self::Level),
            _ => None,
        }
    }

    fn entry(&self) -> Entry {
        let (kind, id, keys) = match self {
            Self::Health(news) => (HEALTH, news.upstream, news.keys()),
            Self::Level(news) => (LEVEL, Uuid::nil(), news.keys()),
        };
        Entry::new(kind, id, Operation::Replace, Relations::with_keys(keys))
    }
}

fn field<'e>(entry: &'e FeedEntry, name: &str) -> Option<&'e str> {
    Some(entry.keys.iter().find(|key| key.field == name)?.value.as_str())
}

fn key(field: &str, value: String) -> KeyValue {
    KeyValue { field: field.to_owned(), value }
}

impl LevelNews {
    fn of(entry: &FeedEntry) -> Option<Self> {
        Some(Self {
            level: field(entry, "level")?.to_owned(),
            lasts: Duration::from_millis(field(entry, "lasts_ms")?.parse().ok()?),
            node: field(entry, "node")?.parse().ok()?,
        })
    }

    fn keys(&self) -> Vec<KeyValue> {
        vec![
            key("level", self.level.clone()),
            key("lasts_ms", self.lasts.as_millis().to_string()),
            key("node", self.node.to_string()),
        ]
    }
}

impl HealthNews {
    fn of(entry: &FeedEntry) -> Option<Self> {
        let field = |name: &str| field(entry, name);
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

    fn keys(&self) -> Vec<KeyValue> {
        let mut keys = vec![
            key("target", self.target.clone()),
            key("healthy", self.healthy.to_string()),
            key("node", self.node.to_string()),
        ];
        keys.extend(self.address.map(|address| key("address", address.to_string())));
        keys
    }
}

impl Store {
    /// Tells all nodes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`].
    pub async fn announce(&self, news: &News) -> Result<Revision, StoreError> {
        let entry = news.entry();
        self.writing(OPERATION_TIMEOUT, async move |writing| {
            writing.entries.push(entry);
            Ok(())
        })
        .await
    }
}
