//! The audit log: who changed what, in the transaction of the change.
//!
//! Each row's digest covers the one before, so a row that is altered, taken out or put in shows. The
//! revision row is held by whoever appends, as by every writer, so rows are numbered without gaps.
//! What belongs into an entry is the caller's affair, but for the entities: those the write itself
//! observes. Deliberately not here: who may read it.

mod chain;
mod observed;
mod read;

pub use observed::{Attribution, Redact};
pub use read::{AuditRow, Verified};

pub(super) use chain::append;
pub(super) use observed::Observed;
