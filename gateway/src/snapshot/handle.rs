//! The one place where the live snapshot is swapped.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Snapshot;

/// Where workers find the live snapshot. Cheap to clone; all clones see the same one.
#[derive(Debug, Clone)]
pub struct SnapshotHandle(Arc<ArcSwap<Snapshot>>);

impl SnapshotHandle {
    /// A handle on an empty snapshot: every request gets "no route".
    pub fn new() -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Snapshot::default())))
    }

    /// The snapshot to use for one whole request.
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Puts `next` in place for requests that begin from now on.
    pub fn publish(&self, next: Arc<Snapshot>) {
        self.0.store(next);
    }
}

impl Default for SnapshotHandle {
    fn default() -> Self {
        Self::new()
    }
}
