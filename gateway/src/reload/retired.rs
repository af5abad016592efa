//! Old snapshots until nobody uses them, so that no worker has to tear a large one down.

use std::sync::Arc;

use crate::snapshot::Snapshot;

/// More than these are left to their last user.
const MOST: usize = 256;

/// Snapshots that are no longer live.
#[derive(Debug, Default)]
pub(super) struct Retired(Vec<Arc<Snapshot>>);

impl Retired {
    /// Takes one more in, and drops those that nobody else holds, on a thread that may block.
    pub(super) fn add(&mut self, snapshot: Arc<Snapshot>) {
        self.0.push(snapshot);
        self.sweep();
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    /// Drops those that nobody else holds.
    pub(super) fn sweep(&mut self) {
        let unused: Vec<_> = self.0.extract_if(.., |snapshot| Arc::strong_count(snapshot) == 1).collect();
        if !unused.is_empty() {
            tokio::task::spawn_blocking(move || drop(unused));
        }
    }

    /// Whether there is anything to sweep.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
