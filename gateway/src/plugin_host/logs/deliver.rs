//! Hands batches to a plugin, and repeats those that it says may work later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::plugin_host::Phase;
use crate::plugin_host::assignment::{Breaker, CallFailure, Cause, Core, LogBatch};
use crate::plugin_host::guest::{Cancel, Ended, Instance, LogEntry, Suspended, Work};
use crate::plugin_host::instances::{fresh, fresh_suspending};
use crate::plugin_host::metrics::{CallOutcome, Shard};
use crate::plugin_host::runtime::{Activity, Permit};

/// Guest time for the largest batch, in ticks.
const MAX_TICKS: u64 = 100;

/// Delivers the batches of one queue, with an instance of its own.
pub(super) struct Delivery {
    core: Arc<Core>,
    batch: LogBatch,
    shard: Arc<Shard>,
    activity: Activity,
    warm: Option<Instance>,
    breaker: Breaker,
}

impl Delivery {
    pub(super) fn new(core: Arc<Core>, batch: LogBatch, shard: Arc<Shard>) -> Self {
        let activity = core.services.ticker.activity();
        Self { core, batch, shard, activity, warm: None, breaker: Breaker::default() }
    }

    pub(super) fn report_dropped(&self, entries: u64) {
        let plugin = self.core.plugin.info.name.as_str();
        tracing::warn!(plugin, entries, "log entries were dropped: the queue was full");
    }

    fn report_lost(&self, entries: usize, failure: &CallFailure) {
        let Some(left_out) = self.core.report() else { return };
        let plugin = self.core.plugin.info.name.as_str();
        let reason = failure.reason();
        tracing::warn!(plugin, entries, reason, left_out, "log entries are lost: {failure}");
    }

    /// Delivers one batch, with repetitions within their bounds.
    pub(super) async fn deliver(&mut self, entries: Vec<LogEntry>) {
        let entries_count = entries.len();
        let budget = self.core.limits.guest_ms.saturating_mul(entries_count as u64).min(MAX_TICKS);
        let work = Arc::new(Work::Log(entries));
        let begun = Instant::now();
        let mut delay = self.batch.first_delay;
        while let Err(failure) = self.once(&work, budget).await {
            let again =
                matches!(failure, CallFailure::Failed { retryable: true, .. } | CallFailure::Capacity);
            let within = begun.elapsed() + delay <= self.batch.max_retry;
            let plugin = self.core.plugin.info.name.as_str();
            if !again || !within {
                self.report_lost(entries_count, &failure);
                return;
            }
            tracing::debug!(plugin, entries = entries_count, "a log batch is repeated: {failure}");
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(self.batch.longest_delay);
        }
    }

    async fn once(&mut self, work: &Arc<Work>, budget: u64) -> Result<(), CallFailure> {
        self.activity.call();
        let begun = Instant::now();
        if let Err(failure) = self.breaker.admit(begun, self.core.limits.log_wall) {
            self.shard.count(Phase::Log, CallOutcome::of(&failure), Duration::ZERO);
            return Err(failure);
        }
        let fit = |instance: &Instance| instance.is_fit(begun) && instance.suspends() == self.core.suspends();
        let warm = self.warm.take().filter(fit);
        let Ended { mut instance, answer, .. } = self.call(work, budget, warm).await;
        if let Some(instance) = &mut instance {
            let spent = std::mem::take(&mut instance.state().spent);
            self.shard.spent(Phase::Log, spent);
        }
        if matches!(answer, Ok(_) | Err(CallFailure::Failed { .. })) && self.core.reuse {
            self.warm = instance;
        }
        if matches!(answer, Err(CallFailure::GuestTime)) {
            self.core.conduct.overran();
        } else if self.core.conduct.is_away() {
            self.core.conduct.behaved();
        }
        let outcome = answer.as_ref().map_or_else(CallOutcome::of, |_| CallOutcome::Proceed);
        self.shard.count(Phase::Log, outcome, begun.elapsed());
        self.breaker.record((begun, Cause::of(outcome)), &self.core.breaker, &self.core.conduct);
        answer.map(|_| ())
    }

    async fn call(&self, work: &Arc<Work>, budget: u64, warm: Option<Instance>) -> Ended {
        let core = &self.core;
        let instance = match warm {
            Some(instance) => Ok(instance),
            None => Err(core.room()),
        };
        if core.suspends() {
            let cancel = Arc::<Cancel>::default();
            let call = suspended(Arc::clone(core), instance, (Arc::clone(work), budget), Arc::clone(&cancel));
            let wall = core.limits.log_wall;
            if !core.conduct.is_away() {
                return Suspended::new(call, cancel, wall).await;
            }
            let Some(turn) = core.services.lane.turn() else {
                return Ended { instance: None, exchange: None, answer: Err(CallFailure::Capacity) };
            };
            return Suspended::new(core.services.lane.run(turn, call), cancel, wall).await;
        }
        let instance = match instance {
            Ok(instance) => Ok(instance),
            Err(permit) => permit.ok_or(CallFailure::Capacity).and_then(|permit| fresh(core, permit)),
        };
        match instance {
            Ok(mut instance) => {
                instance.begin(None, budget);
                let answer = instance.run(work);
                Ended { instance: Some(instance), exchange: None, answer }
            }
            Err(failure) => Ended { instance: None, exchange: None, answer: Err(failure) },
        }
    }
}

async fn suspended(
    core: Arc<Core>,
    instance: Result<Instance, Option<Permit>>,
    (work, budget): (Arc<Work>, u64),
    cancel: Arc<Cancel>,
) -> Ended {
    let instance = match instance {
        Ok(instance) => Ok(instance),
        Err(Some(permit)) => fresh_suspending(&core, permit).await,
        Err(None) => Err(CallFailure::Capacity),
    };
    match instance {
        Ok(mut instance) => {
            instance.state().cancel = cancel;
            instance.begin(None, budget);
            let answer = instance.run_suspending(&work).await;
            Ended { instance: Some(instance), exchange: None, answer }
        }
        Err(failure) => Ended { instance: None, exchange: None, answer: Err(failure) },
    }
}
