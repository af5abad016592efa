//! Calls of plugins, counted by each worker for itself and added up when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::imports::PluginSeries;
use super::{CallFailure, Phase};

/// How a call ended, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallOutcome {
    /// The exchange goes on.
    Proceed,
    /// The plugin answered by itself.
    Respond,
    /// The plugin said that it failed.
    Failed,
    /// The guest trapped, or hit its memory limit.
    Trap,
    /// Guest time or wall time ran out.
    Timeout,
    /// The answer broke a rule.
    BadAnswer,
    /// There was no room, or no instance could be made.
    Unavailable,
}

impl CallOutcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Proceed,
        Self::Respond,
        Self::Failed,
        Self::Trap,
        Self::Timeout,
        Self::BadAnswer,
        Self::Unavailable,
    ];

    /// As a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proceed => "proceed",
            Self::Respond => "respond",
            Self::Failed => "failed",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::BadAnswer => "bad_answer",
            Self::Unavailable => "unavailable",
        }
    }

    pub(crate) fn of(failure: &CallFailure) -> Self {
        match failure {
            CallFailure::Failed { .. } => Self::Failed,
            CallFailure::Trap(_) | CallFailure::Memory(_) | CallFailure::Panic => Self::Trap,
            CallFailure::GuestTime | CallFailure::WallTime | CallFailure::Cancelled => Self::Timeout,
            CallFailure::Aborted(_) => Self::Respond,
            CallFailure::BadAnswer(_) => Self::BadAnswer,
            CallFailure::Capacity
            | CallFailure::Start(_)
            | CallFailure::Broken(_)
            | CallFailure::BodyTooLarge => Self::Unavailable,
        }
    }
}

/// Calls of one plugin, version and phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStats {
    /// Name of the plugin.
    pub plugin: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// In the contract's words, such as `request-head`.
    pub phase: &'static str,
    /// Calls by outcome, in the order of [`CallOutcome::ALL`].
    pub calls: [u64; 7],
    /// Time spent in them, guest and host together.
    pub time: Duration,
}

/// A metric that a plugin keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSeries {
    /// Name of the plugin.
    pub plugin: Arc<str>,
    /// Name of the metric.
    pub metric: Arc<str>,
    /// Labels and their values.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub series: PluginSeries,
}

#[derive(Default)]
struct PhaseCalls {
    calls: [AtomicU64; 7],
    nanos: AtomicU64,
}

impl PhaseCalls {
    fn read(&self, entry: &Entry, phase: &'static str) -> CallStats {
        CallStats {
            plugin: Arc::clone(&entry.plugin),
            version: Arc::clone(&entry.version),
            phase,
            calls: self.calls.each_ref().map(|count| count.load(Ordering::Relaxed)),
            time: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }
}

/// Calls of one plugin on one thread.
#[derive(Default)]
pub(crate) struct Shard {
    /// In the order of [`Phase::ALL`].
    phases: [PhaseCalls; Phase::ALL.len()],
}

impl Shard {
    /// Counts one call. Only one thread writes here.
    pub(crate) fn count(&self, phase: Phase, outcome: CallOutcome, time: Duration) {
        let Some(phase) = self.phases.get(phase.place()) else { return };
        let outcome = CallOutcome::ALL.iter().position(|one| *one == outcome).unwrap_or_default();
        if let Some(calls) = phase.calls.get(outcome) {
            calls.store(calls.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(time.as_nanos()).unwrap_or_default();
        phase.nanos.store(phase.nanos.load(Ordering::Relaxed).wrapping_add(nanos), Ordering::Relaxed);
    }
}

struct Entry {
    plugin: Arc<str>,
    version: Arc<str>,
    shard: Arc<Shard>,
}

/// The shards of all threads.
#[derive(Default)]
pub(crate) struct CallCounters(Mutex<Vec<Entry>>);

impl CallCounters {
    /// A shard for one plugin on one thread. It is kept for good: counts never go back.
    pub(crate) fn shard(&self, plugin: &str, version: &str) -> Arc<Shard> {
        let shard = Arc::<Shard>::default();
        let entry = Entry { plugin: plugin.into(), version: version.into(), shard: Arc::clone(&shard) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        shard
    }

    pub(crate) fn snapshot(&self) -> Vec<CallStats> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums: Vec<CallStats> = Vec::new();
        for entry in entries.iter() {
            for (phase, calls) in Phase::ALL.into_iter().zip(&entry.shard.phases) {
                add(&mut sums, calls.read(entry, phase.as_str()));
            }
        }
        sums
    }
}

fn add(sums: &mut Vec<CallStats>, part: CallStats) {
    let same = |sum: &&mut CallStats| {
        sum.phase == part.phase && sum.plugin == part.plugin && sum.version == part.version
    };
    if let Some(sum) = sums.iter_mut().find(same) {
        sum.time += part.time;
        sum.calls.iter_mut().zip(part.calls).for_each(|(sum, count)| *sum += count);
    } else if part.calls.iter().any(|count| *count > 0) {
        sums.push(part);
    }
}
