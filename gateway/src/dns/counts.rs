//! What is counted of the look-ups of one name.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::config::RecordKind;

/// What is counted of the look-ups of one name. Written by its keeper alone; requests do not come by here.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<NameCounts>);

/// The look-ups of one name since it is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NameCounts {
    /// Times that servers were asked.
    pub queries: u64,
    /// Times that there was an address.
    pub found: u64,
    /// Times that there was none, or that no server could say.
    pub failed: u64,
    /// Times that an old answer stayed, since no server could say.
    pub stale: u64,
    /// When they were asked last.
    pub last: Option<Instant>,
    /// The type that had the addresses; `None` before there were any, or for a name in the file of hosts.
    pub kind: Option<RecordKind>,
}

impl Counts {
    pub(super) fn note(&self, change: impl FnOnce(&mut NameCounts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn read(&self) -> NameCounts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
