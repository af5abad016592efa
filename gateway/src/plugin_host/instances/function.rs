//! Calls of functions: each on an instance of its own, in a task of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Instances, noted};
use crate::exchange::RequestId;
use crate::plugin_host::assignment::Core;
use crate::plugin_host::function::{FunctionCall, FunctionRequest, Task, run};
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::{Assignment, CallFailure, Phase, chain};
use crate::task;

impl Instances {
    /// Begins a call of a function; its answer comes through what is returned. [`Instances::function_ended`]
    /// must be told how it ended, unless the client left.
    ///
    /// # Errors
    ///
    /// [`CallFailure::Resting`] or [`CallFailure::Capacity`] if it is not called.
    pub fn call_function(
        &self,
        function: &Assignment,
        asked: FunctionRequest,
    ) -> Result<FunctionCall, CallFailure> {
        let core = &function.core;
        let now = Instant::now();
        self.activity.call();
        self.sweep();
        if core.conduct.is_resting() {
            self.admit(core, now)?;
        }
        self.pools.borrow_mut().pool(core, &self.services).used = now;
        let turn = match core.conduct.is_away() {
            true => Some(self.services.lane.turn().ok_or(CallFailure::Capacity)?),
            false => None,
        };
        let permit = self.permit(core).ok_or(CallFailure::Capacity)?;
        let (work, call) = Task::new(core, permit, asked);
        match turn {
            // It runs to its end whether or not somebody waits for that.
            Some(turn) => drop(self.services.lane.run(turn, task::supervise("function", run(work)))),
            None => drop(task::spawn("function", run(work))),
        }
        Ok(call)
    }

    /// Counts a call that ended after `time`, and tells the operator why it failed if it did.
    pub fn function_ended(
        &self,
        function: &Assignment,
        id: &RequestId,
        (ended, time): (Result<(), &CallFailure>, Duration),
    ) {
        let core: &Arc<Core> = &function.core;
        noted(core, ended);
        let outcome = match ended {
            Ok(()) => CallOutcome::Respond,
            Err(failure) => {
                chain::report(core, id, failure);
                CallOutcome::of(failure)
            }
        };
        self.count(core, Phase::Function, outcome, time);
    }
}
