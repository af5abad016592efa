//! Candidate versions under watch: a node that sees one fail too often gives it up for all nodes.
//!
//! Each node judges by its own calls and writes the verdict into the plugin's document; the others
//! follow as they follow any change. The counters are those of the metrics, so a trial costs a request
//! nothing. Calls are judged in windows: a candidate that ran well for a day is given up as fast as a
//! new one.

use std::collections::HashMap;
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
/// Attempts to write a verdict while others write the same plugin; the next look tries again.
const ATTEMPTS: usize = 4;

/// Candidates that run on this node.
pub(super) struct Trials {
    host: Host,
    store: Store,
    clock: Clock,
    node: Uuid,
    running: HashMap<Uuid, Trial>,
    next: Instant,
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
        Self { host, store, clock, node, running: HashMap::new(), next: Instant::now() }
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

    /// Waits until it is time to judge; for ever if there is nobody to judge.
    pub(super) async fn due(&self) {
        if self.running.is_empty() {
            std::future::pending::<()>().await;
        }
        sleep_until(self.next).await;
    }

    /// Gives up the candidates that failed too often.
    pub(super) async fn judge(&mut self) {
        self.next = Instant::now() + PACE;
        let stats = self.host.call_stats();
        let mut given_up = Vec::new();
        for (id, trial) in &mut self.running {
            let now = Calls::of(&stats, &trial.plugin, &trial.canary.version);
            let seen = now.since(trial.begun);
            if seen.all < trial.canary.min_calls {
                continue;
            }
            if seen.passes(&trial.canary) {
                trial.begun = now;
            } else {
                given_up.push((*id, trial.plugin.clone(), trial.canary.clone(), seen));
            }
        }
        for (id, plugin, canary, seen) in given_up {
            if let Err(error) = self.give_up(id, &plugin, &canary, seen).await {
                // It stays on the list, and the next look tries again.
                tracing::warn!(%error, plugin, "a failing candidate cannot be given up now");
            }
        }
    }

    async fn give_up(&self, id: Uuid, plugin: &str, canary: &Canary, seen: Calls) -> Result<(), StoreError> {
        let version = &canary.version;
        let reason = format!(
            "{} of {} calls of version {version} failed; at most {} % may",
            seen.failed, seen.all, canary.max_failure_percent
        );
        let rollback = Rollback {
            version: version.clone(),
            node: self.node,
            reason: reason.clone(),
            calls: seen.all,
            failures: seen.failed,
            at: i64::try_from(self.clock.unix_seconds()).unwrap_or(i64::MAX),
        };
        for _ in 0..ATTEMPTS {
            let found = self.store.find_versioned("custom_plugins", &Lookup::Id(id)).await?;
            // Somebody ended or changed the trial meanwhile: theirs counts.
            let Some(found) = found.filter(|found| found.document.get("canary") == Some(&json!(canary)))
            else {
                return Ok(());
            };
            let Some(record) = without_candidate(found.document, &rollback) else { return Ok(()) };
            let change = Change::ReplaceIf { record, unchanged_since: found.revision };
            match self.store.write(vec![change]).await {
                Ok(_) => {
                    tracing::error!(plugin, version, reason, node = %self.node, "a candidate was rolled back");
                    return Ok(());
                }
                Err(StoreError::Changed { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The document once the candidate is given up.
fn without_candidate(mut document: Document, rollback: &Rollback) -> Option<model::Record> {
    document.insert("canary".to_owned(), Value::Null);
    document.insert("rollback".to_owned(), json!(rollback));
    document.insert("updated_at".to_owned(), rollback.at.into());
    model::kind("custom_plugins")?.record(document).ok()
}

impl Calls {
    fn of(stats: &[CallStats], plugin: &str, version: &str) -> Self {
        let own = stats.iter().filter(|stats| &*stats.plugin == plugin && &*stats.version == version);
        let outcomes = own.flat_map(|stats| CallOutcome::ALL.into_iter().zip(stats.calls));
        outcomes.fold(Self::default(), |sum, (outcome, calls)| {
            let failed = !matches!(outcome, CallOutcome::Proceed | CallOutcome::Respond);
            Self { all: sum.all + calls, failed: sum.failed + if failed { calls } else { 0 } }
        })
    }

    fn since(self, before: Self) -> Self {
        Self { all: self.all.saturating_sub(before.all), failed: self.failed.saturating_sub(before.failed) }
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
            time: [Duration::ZERO; 8],
            suspended: Duration::ZERO,
            queued: Duration::ZERO,
            started: 0,
            starting: Duration::ZERO,
        };
        let all = [
            stats("1", "request-head", [1, 1, 1, 1, 1, 1, 1, 1]),
            stats("2", "request-head", [10, 5, 1, 2, 3, 4, 5, 6]),
            stats("2", "log", [1, 0, 1, 0, 0, 0, 0, 0]),
        ];
        assert_eq!(Calls::of(&all, "p", "2"), Calls { all: 38, failed: 22 });
    }
}
