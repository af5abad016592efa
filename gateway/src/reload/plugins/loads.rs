//! Components on their way from the store to the host, off the path of every request and of every
//! other change.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::plugin_host::{AdmissionError, Host, Plugin};
use crate::reload::blobs::Blobs;
use crate::task;

/// Loads under way, and those that failed.
pub(super) struct Loads {
    host: Host,
    blobs: Blobs,
    running: JoinSet<(String, Result<(), Failure>)>,
    on_their_way: BTreeSet<String>,
    failed: HashMap<String, Failure>,
}

/// How far a component is.
pub(super) enum Loaded {
    Ready(Arc<Plugin>),
    OnItsWay,
    Failed { reason: String, again: bool },
}

/// Why a component cannot be had.
#[derive(Debug, Clone)]
struct Failure {
    reason: String,
    /// It may work later.
    again: bool,
}

impl Loads {
    pub(super) fn new(host: Host, blobs: Blobs) -> Self {
        Self { host, blobs, running: JoinSet::new(), on_their_way: BTreeSet::new(), failed: HashMap::new() }
    }

    /// Begins to load those that are neither there, nor on their way, nor hopeless.
    pub(super) fn start<'d>(&mut self, digests: impl Iterator<Item = &'d String>) {
        for digest in digests {
            let settled = self.host.plugin(digest).is_some() || self.failed.contains_key(digest);
            if settled || !self.on_their_way.insert(digest.clone()) {
                continue;
            }
            let (host, blobs, digest) = (self.host.clone(), self.blobs.clone(), digest.clone());
            self.running.spawn(async move {
                let loaded = task::supervise("load a component", load(&host, &blobs, &digest)).await;
                let broken = || Err(Failure { reason: "loading it went wrong".to_owned(), again: true });
                let loaded = loaded.unwrap_or_else(broken);
                (digest, loaded)
            });
        }
    }

    /// Waits until none of `digests` is on its way, or `patience` is over.
    pub(super) async fn wait(&mut self, digests: &BTreeSet<String>, patience: Duration) {
        let until = Instant::now() + patience;
        while !self.on_their_way.is_disjoint(digests) {
            if timeout_at(until, self.next()).await.is_err() {
                return;
            }
        }
    }

    /// Waits for the next one to arrive or fail; for ever if none is on its way.
    pub(super) async fn next(&mut self) {
        match self.running.join_next().await {
            Some(Ok((digest, loaded))) => {
                self.on_their_way.remove(&digest);
                if let Err(failure) = loaded {
                    tracing::warn!(digest, reason = failure.reason, "a component cannot be loaded");
                    self.failed.insert(digest, failure);
                }
            }
            // Only at the end of the process: nothing else ends such a task early.
            Some(Err(_)) => self.on_their_way.clear(),
            None => std::future::pending().await,
        }
    }

    pub(super) fn find(&self, digest: &str) -> Loaded {
        if let Some(plugin) = self.host.plugin(digest) {
            return Loaded::Ready(plugin);
        }
        match self.failed.get(digest) {
            Some(Failure { reason, again }) => Loaded::Failed { reason: reason.clone(), again: *again },
            None => Loaded::OnItsWay,
        }
    }

    /// Whether a failure may have passed.
    pub(super) fn failed_for_now(&self) -> bool {
        self.failed.values().any(|failure| failure.again)
    }

    /// Gives those another chance.
    pub(super) fn forgive(&mut self) {
        self.failed.retain(|_, failure| !failure.again);
    }
}

async fn load(host: &Host, blobs: &Blobs, digest: &str) -> Result<(), Failure> {
    let found = blobs.find(digest).await;
    let found = found.map_err(|error| Failure { reason: error.to_string(), again: true })?;
    let bytes = found
        .ok_or_else(|| Failure { reason: format!("the store has no component {digest}"), again: true })?;
    match host.load(digest, &bytes).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let again = matches!(error.source, AdmissionError::Internal(_));
            if again {
                // The bytes may not be those of the digest: the store has the right ones.
                blobs.forget(digest).await;
            }
            Err(Failure { reason: error.to_string(), again })
        }
    }
}
