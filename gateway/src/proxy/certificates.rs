//! Which certificate a client is shown: the snapshot's for the name that it asks for, else the node's own.

use std::sync::Arc;

use crate::snapshot::SnapshotHandle;
use crate::tls::{Find, Pairs};

/// Looks certificates up in the live snapshot, so that a change is live with the next handshake.
#[derive(Debug)]
pub struct LiveCertificates {
    snapshots: SnapshotHandle,
    own: Arc<Pairs>,
}

impl LiveCertificates {
    /// `own` is shown where no other fits.
    pub fn new(snapshots: SnapshotHandle, own: Arc<Pairs>) -> Self {
        Self { snapshots, own }
    }
}

impl Find for LiveCertificates {
    fn find(&self, name: Option<&str>) -> Option<Arc<Pairs>> {
        let snapshot = self.snapshots.load();
        let found = name.and_then(|name| snapshot.certificates().find(name).cloned());
        Some(found.unwrap_or_else(|| Arc::clone(&self.own)))
    }
}
