//! What the last reload came to, for the Admin API, the status listener and the metrics.

use std::sync::Arc;

use tokio::sync::watch;

use crate::snapshot::Fault;
use crate::store::Revision;

/// What requests see, and what stands between that and what operators said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The newest write that requests see in full; `None` before the first snapshot.
    pub live_revision: Option<Revision>,
    /// The newest write that this node has heard of.
    pub seen_revision: Revision,
    /// What does not work as configured.
    pub faults: Vec<Fault>,
    /// Assignments that wait for their component to be compiled.
    pub pending: usize,
    /// Why the newest change could not be read; `None` while all is well.
    pub error: Option<String>,
    /// The snapshot comes from this node's disk, since the database was away at the start.
    pub serving_last_good: bool,
    /// When the live snapshot was published, Unix seconds.
    pub published_at: u64,
    /// How often a snapshot was published.
    pub publishes: u64,
}

/// The newest report. Cheap to clone; readers never wait.
#[derive(Debug, Clone)]
pub struct Reports(watch::Receiver<Arc<Report>>);

/// The writing end.
#[derive(Debug)]
pub(super) struct Reporter(watch::Sender<Arc<Report>>);

pub(super) fn channel() -> (Reporter, Reports) {
    let (sender, receiver) = watch::channel(Arc::default());
    (Reporter(sender), Reports(receiver))
}

impl Reports {
    /// The newest one.
    pub fn latest(&self) -> Arc<Report> {
        Arc::clone(&self.0.borrow())
    }

    /// Waits until a report is as wanted; `None` if there will be no further one.
    pub async fn wait_for(&mut self, wanted: impl Fn(&Report) -> bool) -> Option<Arc<Report>> {
        let found = self.0.wait_for(|report| wanted(report)).await;
        found.ok().map(|report| Arc::clone(&report))
    }
}

impl Reporter {
    /// Whether the last read or build failed.
    pub(super) fn has_error(&self) -> bool {
        self.0.borrow().error.is_some()
    }

    /// Whether requests are served from the store's configuration.
    pub(super) fn is_current(&self) -> bool {
        let report = self.0.borrow();
        report.live_revision.is_some() && !report.serving_last_good
    }

    /// Whether an assignment waits for its component.
    pub(super) fn has_pending(&self) -> bool {
        self.0.borrow().pending > 0
    }

    /// Changes the report in place.
    pub(super) fn update(&self, change: impl FnOnce(&mut Report)) {
        self.0.send_modify(|report| change(Arc::make_mut(report)));
    }
}
