//! What operators said, kept in SQL: entities of any kind, their revision, and what changed.
//!
//! One set of queries serves Postgres and SQLite; `dialect.rs` holds the differences. The store
//! knows no kind of entity and validates none: a [`Record`](crate::model::Record) spells out what
//! must be unique, linked or found. Nothing on the request path calls it directly; requests ask
//! [`identity`](crate::identity), which caches. It starts no task of its own.

mod announce;
mod audit;
mod availability;
mod bulk;
mod catalog;
mod components;
mod dialect;
mod error;
mod expiry;
mod feed;
mod from_config;
mod handle;
mod indexed;
mod last_good;
mod migrate;
mod page;
mod read;
mod relations;
mod reseal;
mod sealed;
mod settings;
mod shared;
mod terms;
mod unlock;
mod write;

pub use announce::{HealthNews, LevelNews, News};
pub use audit::{Attribution, AuditRow, Redact, Verified};
pub use availability::{Availability, Resting};
pub use bulk::{Attempts, Bulk, Progress};
pub use catalog::{BadRow, CatalogRows, Visit};
pub use error::StoreError;
pub use feed::{Changes, Feed, FeedEntry, KeyValue, Operation};
pub use handle::{Revision, Store};
pub use last_good::{LastGood, LastGoodError, SavedIdentities};
pub use page::{Page, PageQuery, TagFilter};
pub use read::{Lookup, Versioned};
pub use reseal::{Batch, Kept, kinds_with_secrets};
pub use settings::{PostgresSettings, SslMode, StoreSettings};
pub use shared::SharedCounter;
pub use terms::{Terms, Within};
pub use unlock::Unlocked;
pub use write::Change;

#[cfg(test)]
mod tests;
