//! Calls of plugins, counted by each worker for itself and added up when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::guest::Spent;
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
    /// It was not called, because most of its last calls failed.
    Resting,
    /// It was not called, because an earlier verdict was given again.
    Repeated,
}

impl CallOutcome {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Proceed,
        Self::Respond,
        Self::Failed,
        Self::Trap,
        Self::Timeout,
        Self::BadAnswer,
        Self::Unavailable,
        Self::Resting,
        Self::Repeated,
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
            Self::Resting => "resting",
            Self::Repeated => "repeated",
        }
    }

    pub(crate) fn of(failure: &CallFailure) -> Self {
        match failure {
            CallFailure::Failed { .. } => Self::Failed,
            CallFailure::Trap(_) | CallFailure::Memory(_) | CallFailure::Panic => Self::Trap,
            CallFailure::GuestTime | CallFailure::WallTime | CallFailure::Cancelled => Self::Timeout,
            CallFailure::Aborted(_) => Self::Respond,
            CallFailure::BadAnswer(_) => Self::BadAnswer,
            CallFailure::Resting { .. } => Self::Resting,
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
    pub calls: [u64; CallOutcome::ALL.len()],
    /// Time spent in them, guest and host together, likewise.
    pub time: [Duration; CallOutcome::ALL.len()],
    /// The part of it in which the guest was suspended: the host waited, or let others run.
    pub suspended: Duration,
    /// The part in which calls waited for a thread of the slow lane.
    pub queued: Duration,
    /// Instances that were made for calls.
    pub started: u64,
    /// Time that took.
    pub starting: Duration,
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
    calls: [AtomicU64; CallOutcome::ALL.len()],
    nanos: [AtomicU64; CallOutcome::ALL.len()],
    suspended: AtomicU64,
    queued: AtomicU64,
    started: AtomicU64,
    starting: AtomicU64,
}

impl PhaseCalls {
    fn read(&self, entry: &Entry, phase: &'static str) -> CallStats {
        CallStats {
            plugin: Arc::clone(&entry.plugin),
            version: Arc::clone(&entry.version),
            phase,
            calls: self.calls.each_ref().map(|count| count.load(Ordering::Relaxed)),
            time: self.nanos.each_ref().map(read_nanos),
            suspended: read_nanos(&self.suspended),
            queued: read_nanos(&self.queued),
            started: self.started.load(Ordering::Relaxed),
            starting: read_nanos(&self.starting),
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
        if let (Some(calls), Some(spent)) = (phase.calls.get(outcome), phase.nanos.get(outcome)) {
            add_to(calls, 1);
            add_to(spent, nanos(time));
        }
    }

    /// Counts what a call spent beside the guest's own time. Only one thread writes here.
    pub(crate) fn spent(&self, phase: Phase, spent: Spent) {
        let Some(phase) = self.phases.get(phase.place()) else { return };
        let Spent { suspended, queued, starting } = spent;
        add_to(&phase.suspended, nanos(suspended));
        add_to(&phase.queued, nanos(queued));
        if let Some(time) = starting {
            add_to(&phase.started, 1);
            add_to(&phase.starting, nanos(time));
        }
    }
}

fn add_to(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or_default()
}

fn read_nanos(count: &AtomicU64) -> Duration {
    Duration::from_nanos(count.load(Ordering::Relaxed))
}

struct Entry {
    plugin: Arc<str>,
    version: Arc<str>,
    shard: Arc<Shard>,
}

/// Versions of one plugin that have series of their own; those before them are added up.
const MAX_VERSIONS: usize = 16;
/// The version that stands for those before them.
const OLDER: &str = "older";

/// The shards of all threads.
#[derive(Default)]
pub(crate) struct CallCounters(Mutex<Vec<Entry>>);

impl CallCounters {
    /// A shard for one plugin on one thread. What it counts is kept for good, in the end under the name
    /// of older versions: neither memory nor labels grow with the number of versions.
    pub(crate) fn shard(&self, plugin: &str, version: &str) -> Arc<Shard> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |entry: &&Entry| &*entry.plugin == plugin && &*entry.version == version;
        // A thread that has ended, or lost its last assignment of this version, has left it to us.
        if let Some(free) = entries.iter().filter(same).find(|entry| entry.is_free()) {
            return Arc::clone(&free.shard);
        }
        let shard = Arc::<Shard>::default();
        entries.push(Entry { plugin: plugin.into(), version: version.into(), shard: Arc::clone(&shard) });
        fold(&mut entries, plugin);
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

impl Entry {
    /// Whether no thread counts here any more.
    fn is_free(&self) -> bool {
        Arc::strong_count(&self.shard) == 1
    }
}

/// Adds the oldest version of `plugin` that nobody uses to those that are added up, if there are too many.
fn fold(entries: &mut Vec<Entry>, plugin: &str) {
    let of_plugin = || entries.iter().filter(|entry| &*entry.plugin == plugin && &*entry.version != OLDER);
    let mut versions: Vec<Arc<str>> = Vec::new();
    for entry in of_plugin() {
        if !versions.contains(&entry.version) {
            versions.push(Arc::clone(&entry.version));
        }
    }
    if versions.len() <= MAX_VERSIONS {
        return;
    }
    let unused =
        |version: &&Arc<str>| of_plugin().filter(|entry| entry.version == **version).all(Entry::is_free);
    let Some(oldest) = versions.iter().find(unused).cloned() else { return };
    let older = Arc::<Shard>::default();
    entries.retain(|entry| {
        let goes = &*entry.plugin == plugin && (entry.version == oldest || &*entry.version == OLDER);
        if goes {
            older.take_in(&entry.shard);
        }
        !goes
    });
    entries.push(Entry { plugin: plugin.into(), version: OLDER.into(), shard: older });
}

impl Shard {
    /// Adds up what another has counted.
    fn take_in(&self, other: &Self) {
        for (mine, theirs) in self.phases.iter().zip(&other.phases) {
            for (mine, theirs) in mine.counts().zip(theirs.counts()) {
                add_to(mine, theirs.load(Ordering::Relaxed));
            }
        }
    }
}

impl PhaseCalls {
    fn counts(&self) -> impl Iterator<Item = &AtomicU64> {
        let Self { calls, nanos, suspended, queued, started, starting } = self;
        calls.iter().chain(nanos).chain([suspended, queued, started, starting])
    }
}

fn add(sums: &mut Vec<CallStats>, part: CallStats) {
    let same = |sum: &&mut CallStats| {
        sum.phase == part.phase && sum.plugin == part.plugin && sum.version == part.version
    };
    if let Some(sum) = sums.iter_mut().find(same) {
        sum.calls.iter_mut().zip(part.calls).for_each(|(sum, count)| *sum += count);
        sum.time.iter_mut().zip(part.time).for_each(|(sum, time)| *sum += time);
        sum.suspended += part.suspended;
        sum.queued += part.queued;
        sum.started += part.started;
        sum.starting += part.starting;
    } else if part.calls.iter().any(|count| *count > 0) {
        sums.push(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_beyond_the_last_few_are_added_up() {
        let counters = CallCounters::default();
        for version in 0..5000 {
            let shard = counters.shard("p", &format!("1.0.{version}"));
            shard.count(Phase::Log, CallOutcome::Proceed, Duration::from_millis(1));
        }
        let stats = counters.snapshot();
        assert!(stats.len() <= MAX_VERSIONS + 1, "{} series", stats.len());
        assert_eq!(stats.iter().map(|stats| stats.calls[0]).sum::<u64>(), 5000, "none is lost");
        let time: Duration = stats.iter().map(|stats| stats.time[0]).sum();
        assert_eq!(time, Duration::from_secs(5), "nor their time");
    }

    #[test]
    fn a_shard_that_is_let_go_is_counted_on_by_the_next() {
        let counters = CallCounters::default();
        for _ in 0..100 {
            let one = counters.shard("p", "1");
            let other = counters.shard("p", "1");
            assert!(!Arc::ptr_eq(&one, &other), "each thread has its own");
        }
        assert_eq!(counters.0.lock().unwrap().len(), 2);
    }
}
