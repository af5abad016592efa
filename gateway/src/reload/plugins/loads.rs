//! Components on their way from the store to the host, off the path of every request and of every
//! other change.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::plugin_host::{AdmissionError, Host, LoadError, Plugin, Trust};
use crate::reload::blobs::Blobs;
use crate::task;

/// Loads under way, and those that failed.
pub(super) struct Loads {
    host: Host,
    trust: Arc<Trust>,
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
    /// What it was signed with: another signature is another chance.
    signatures: Vec<String>,
}

impl Loads {
    pub(super) fn new((host, trust): (Host, Arc<Trust>), blobs: Blobs) -> Self {
        Self {
            host,
            trust,
            blobs,
            running: JoinSet::new(),
            on_their_way: BTreeSet::new(),
            failed: HashMap::new(),
        }
    }

    /// Begins to load those that are neither there, nor on their way, nor hopeless.
    pub(super) fn start<'d>(
        &mut self,
        digests: impl Iterator<Item = &'d String>,
        signatures: impl Fn(&str) -> Vec<String>,
    ) {
        for digest in digests {
            let signatures = signatures(digest);
            if self.failed.get(digest).is_some_and(|failure| failure.signatures != signatures) {
                self.failed.remove(digest);
            }
            let settled = self.host.plugin(digest).is_some() || self.failed.contains_key(digest);
            if settled || !self.on_their_way.insert(digest.clone()) {
                continue;
            }
            let (host, blobs, digest) = (self.host.clone(), self.blobs.clone(), digest.clone());
            let trust = Arc::clone(&self.trust);
            self.running.spawn(async move {
                let loading = load((&host, &trust), &blobs, &digest, &signatures);
                let loaded = task::supervise("load a component", loading).await;
                let loaded = loaded.unwrap_or_else(|| Err(("loading it went wrong".to_owned(), true)));
                let failure = |(reason, again)| Failure { reason, again, signatures };
                (digest, loaded.map_err(failure))
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
            Some(Failure { reason, again, signatures: _ }) => {
                Loaded::Failed { reason: reason.clone(), again: *again }
            }
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

/// Why not, and whether it may work later.
async fn load(
    (host, trust): (&Host, &Trust),
    blobs: &Blobs,
    digest: &str,
    signatures: &[String],
) -> Result<(), (String, bool)> {
    if let Some(bundled) = host.load_bundled(digest).await {
        return bundled.map(drop).map_err(|error| (error.to_string(), false));
    }
    let found = blobs.find(digest).await.map_err(|error| (error.to_string(), true))?;
    let bytes = found.ok_or_else(|| (format!("the store has no component {digest}"), true))?;
    let loaded = match trust.admit(&bytes, signatures) {
        Ok(()) => host.load(digest, &bytes).await.map(drop),
        Err(source) => Err(LoadError { digest: digest.to_owned(), source }),
    };
    let Err(error) = loaded else { return Ok(()) };
    let again = matches!(error.source, AdmissionError::Internal(_));
    if again {
        // The bytes may not be those of the digest: the store has the right ones.
        blobs.forget(digest).await;
    }
    Err((error.to_string(), again))
}
