//! Candidate versions under watch: a node that sees one fail too often gives it up for all nodes.
//!
//! Each node judges by its own calls. Its verdict holds on the node at once, whether or not the database
//! can be reached, and is written into the plugin's document as soon as it can; the others follow as they
//! follow any change. The counters are those of the metrics, so a trial costs a request
//! nothing. Calls are judged in windows: a candidate that ran well for a day is given up as fast as a
//! new one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::clock::Clock;
use crate::model::{self, Canary, Document, Rollback};
use crate::plugin_host::{CallOutcome, CallStats, Host};
use crate::snapshot::Configuration;
use crate::store::{Change, Lookup, Store, StoreError};

/// Between two looks at the counters.
const PACE: Duration = Duration::from_millis(200);
/// Attempts to write a verdict while others write the same plugin; the next round tries again.
const ATTEMPTS: usize = 4;
/// Between two rounds of writing verdicts that could not be written.
const RETRY: Duration = Duration::from_secs(1);

/// Candidates that run on this node.
pub(super) struct Trials {
    host: Host,
    store: Store,
    clock: Clock,
    node: Uuid,
    running: HashMap<Uuid, Trial>,
    next: Instant,
    /// Candidates that are given up here, until the store says so too, or something newer.
    given_up: HashMap<Uuid, Verdict>,
}

/// A candidate that is given up.
struct Verdict {
    plugin: String,
    canary: Canary,
    rollback: Rollback,
    /// When the store is told; `None` once it has been.
    write_at: Option<Instant>,
}

/// One candidate.
struct Trial {
    plugin: String,
    canary: Canary,
    /// Counters at the beginning of the window.
    begun: Calls,
}

/// Calls of one version of a plugin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Calls {
    all: u64,
    failed: u64,
}

impl Trials {
    pub(super) fn new(host: Host, store: Store, clock: Clock, node: Uuid) -> Self {
        let (running, given_up) = (HashMap::new(), HashMap::new());
        Self { host, store, clock, node, running, next: Instant::now(), given_up }
    }

    /// What of `configuration` holds on this node: all of it but the candidates that were given up here.
    pub(super) fn overrule(&mut self, configuration: &Arc<Configuration>) -> Arc<Configuration> {
        self.given_up.retain(|id, verdict| {
            let upload = configuration.custom_plugins.get(id);
            upload.is_some_and(|upload| upload.value.canary.as_ref() == Some(&verdict.canary))
        });
        if self.given_up.is_empty() {
            return Arc::clone(configuration);
        }
        let mut overruled = Configuration::clone(configuration);
        for (id, verdict) in &self.given_up {
            let document = configuration.custom_plugins.get(id).map(|upload| upload.document());
            if let Some(document) = document {
                let document = given_up(document, &verdict.rollback);
                overruled.set("custom_plugins", &document, configuration);
            }
        }
        Arc::new(overruled)
    }

    /// Watches the candidates of `configuration` from now on, and no others.
    pub(super) fn follow(&mut self, configuration: &Configuration) {
        let mut before = std::mem::take(&mut self.running);
        for upload in configuration.custom_plugins.values().map(|upload| &upload.value) {
            let Some((canary, version)) = upload.candidate() else { continue };
            let known = before.remove(&upload.id).filter(|trial| trial.canary == *canary);
            let trial = known.unwrap_or_else(|| Trial {
                plugin: upload.name.clone(),
                canary: canary.clone(),
                begun: Calls::of(&self.host.call_stats(), &upload.name, &version.version),
            });
            self.running.insert(upload.id, trial);
        }
    }

    /// Waits until it is time to judge, or to write a verdict; for ever if there is nobody to judge.
    pub(super) async fn due(&self) {
        let judge = Some(self.next).filter(|_| !self.running.is_empty());
        let write = self.given_up.values().filter_map(|verdict| verdict.write_at).min();
        match judge.into_iter().chain(write).min() {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Gives up the candidates that failed too often; whether there is one.
    pub(super) fn judge(&mut self) -> bool {
        let now = Instant::now();
        if self.running.is_empty() || now < self.next {
            return false;
        }
        self.next = now + PACE;
        let stats = self.host.call_stats();
        let before = self.given_up.len();
        for (id, trial) in &mut self.running {
            let calls = Calls::of(&stats, &trial.plugin, &trial.canary.version);
            let seen = calls.since(trial.begun);
            if seen.all < trial.canary.min_calls {
                continue;
            }
            if seen.passes(&trial.canary) {
                trial.begun = calls;
                continue;
            }
            let rollback = seen.rollback(&trial.canary, self.node, &self.clock);
            let (plugin, version, reason) = (&trial.plugin, &rollback.version, &rollback.reason);
            tracing::error!(plugin, version, reason, node = %self.node, "a candidate was rolled back");
            let (plugin, canary) = (trial.plugin.clone(), trial.canary.clone());
            self.given_up.insert(*id, Verdict { plugin, canary, rollback, write_at: Some(now) });
        }
        self.running.retain(|id, _| !self.given_up.contains_key(id));
        self.given_up.len() > before
    }

    /// Writes the verdicts that are due.
    pub(super) async fn write(&mut self) {
        let now = Instant::now();
        for (id, verdict) in &mut self.given_up {
            if verdict.write_at.is_none_or(|at| at > now) {
                continue;
            }
            verdict.write_at = match write(&self.store, *id, verdict).await {
                Ok(()) => None,
                Err(error) => {
                    let plugin = &verdict.plugin;
                    tracing::warn!(%error, plugin, "a rollback holds on this node, but cannot be written now");
                    Some(Instant::now() + RETRY)
                }
            };
        }
    }
}

/// Writes a verdict for all nodes, unless somebody ended or changed the trial meanwhile: theirs counts.
async fn write(store: &Store, id: Uuid, verdict: &Verdict) -> Result<(), StoreError> {
    let canary = json!(verdict.canary);
    let mut last = Ok(());
    for _ in 0..ATTEMPTS {
        let found = store.find_versioned("custom_plugins", &Lookup::Id(id)).await?;
        let Some(found) = found.filter(|found| found.document.get("canary") == Some(&canary)) else {
            return Ok(());
        };
        let document = given_up(found.document, &verdict.rollback);
        let kind = model::kind("custom_plugins");
        let Some(record) = kind.and_then(|kind| kind.record(document).ok()) else { return Ok(()) };
        let change = Change::ReplaceIf { record, unchanged_since: found.revision };
        match store.write(vec![change]).await {
            Ok(_) => return Ok(()),
            Err(error @ (StoreError::Changed { .. } | StoreError::NotFound { .. })) => last = Err(error),
            Err(error) => return Err(error),
        }
    }
    last
}

/// The document once the candidate is given up.
fn given_up(mut document: Document, rollback: &Rollback) -> Document {
    document.insert("canary".to_owned(), Value::Null);
    document.insert("rollback".to_owned(), json!(rollback));
    document.insert("updated_at".to_owned(), rollback.at.into());
    document
}

impl Calls {
    fn of(stats: &[CallStats], plugin: &str, version: &str) -> Self {
        let own = stats.iter().filter(|stats| &*stats.plugin == plugin && &*stats.version == version);
        let outcomes = own.flat_map(|stats| CallOutcome::ALL.into_iter().zip(stats.calls));
        outcomes.fold(Self::default(), |sum, (outcome, calls)| {
            let fine = [CallOutcome::Proceed, CallOutcome::Respond, CallOutcome::Repeated];
            let failed = !fine.contains(&outcome);
            Self { all: sum.all + calls, failed: sum.failed + if failed { calls } else { 0 } }
        })
    }

    fn since(self, before: Self) -> Self {
        Self { all: self.all.saturating_sub(before.all), failed: self.failed.saturating_sub(before.failed) }
    }

    /// Why `canary` is given up.
    fn rollback(self, canary: &Canary, node: Uuid, clock: &Clock) -> Rollback {
        let version = canary.version.clone();
        let reason = format!(
            "{} of {} calls of version {version} failed; at most {} % may",
            self.failed, self.all, canary.max_failure_percent
        );
        let at = i64::try_from(clock.unix_seconds()).unwrap_or(i64::MAX);
        Rollback { version, node, reason, calls: self.all, failures: self.failed, at }
    }

    fn passes(self, canary: &Canary) -> bool {
        self.failed.saturating_mul(100) <= self.all.saturating_mul(canary.max_failure_percent.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CanaryBy;

    #[test]
    fn what_is_more_than_the_share_is_too_much() {
        let canary = |max_failure_percent| Canary {
            version: "2".to_owned(),
            percent: 10,
            by: CanaryBy::Random,
            max_failure_percent,
            min_calls: 10,
        };
        for (all, failed, most, want) in
            [(100, 5, 5, true), (100, 6, 5, false), (10, 1, 0, false), (10, 0, 0, true), (10, 10, 100, true)]
        {
            let passes = Calls { all, failed }.passes(&canary(most));
            assert_eq!(passes, want, "{failed} of {all} with {most} %");
        }
    }

    #[test]
    fn calls_of_all_phases_of_one_version_count() {
        let stats = |version: &str, phase, calls| CallStats {
            plugin: "p".into(),
            version: version.into(),
            phase,
            calls,
            time: [Duration::ZERO; CallOutcome::ALL.len()],
            suspended: Duration::ZERO,
            queued: Duration::ZERO,
            started: 0,
            starting: Duration::ZERO,
        };
        let all = [
            stats("1", "request-head", [1, 1, 1, 1, 1, 1, 1, 1, 1]),
            stats("2", "request-head", [10, 5, 1, 2, 3, 4, 5, 6, 7]),
            stats("2", "log", [1, 0, 1, 0, 0, 0, 0, 0, 0]),
        ];
        assert_eq!(Calls::of(&all, "p", "2"), Calls { all: 45, failed: 22 });
    }
}
