//! One call of a plugin in an exchange: timed, counted, and its failure reported.

use std::sync::Arc;
use std::time::Instant;

use super::next::Next;
use super::run::SlotRun;
use crate::exchange::{ConsumerFacts, Exchange};
use crate::plugin_host::guest::{Instance, Outcome, Work};
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::repeats::Basis;
use crate::plugin_host::{Assignment, CallFailure, Instances, Phase};

/// Who is called, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) assignment: &'a Arc<Assignment>,
    pub(super) instances: &'a Instances,
    pub(super) phase: Phase,
}

/// What came back, to be checked whole before any of it is applied.
pub(super) struct Said<'a> {
    pub(super) outcome: Outcome,
    /// The instance, if the plugin wants the chunks that follow.
    pub(super) kept: Option<Instance>,
    /// Consumers that the guest was told about in this call.
    pub(super) told: Vec<Arc<ConsumerFacts>>,
    /// What the verdict rests on.
    pub(super) basis: Basis,
    pub(super) exchange: &'a mut Exchange,
    pub(super) state: &'a mut SlotRun,
}

impl Caller<'_> {
    /// Makes the call; `settle` checks and applies the answer.
    pub(super) async fn call(
        self,
        state: &mut SlotRun,
        exchange: Box<Exchange>,
        work: Work,
        settle: impl AsyncFnOnce(Said<'_>) -> Result<Next, CallFailure>,
    ) -> (Box<Exchange>, Result<Next, CallFailure>) {
        let core = &self.assignment.core;
        let begun = Instant::now();
        let wall = core.limits.wall.saturating_sub(state.used);
        let mut called = self.instances.call(core, exchange, work, (begun, wall)).await;
        let (kept, basis) = (called.kept.take(), std::mem::take(&mut called.basis));
        let (mut exchange, answer, told) = super::response::unwrap(called);
        let settled = match answer {
            Ok(outcome) => settle(Said { outcome, kept, told, basis, exchange: &mut exchange, state }).await,
            Err(failure) => Err(failure),
        };
        let time = begun.elapsed();
        state.used += time;
        exchange.timing.plugins += time;
        let outcome = match &settled {
            Ok(next) => next.outcome(),
            Err(failure) => {
                super::response::report(core, &exchange.id, failure);
                CallOutcome::of(failure)
            }
        };
        self.instances.count(core, self.phase, outcome, time);
        (exchange, settled)
    }
}
