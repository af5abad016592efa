//! The head of the request goes through the chain.

use std::sync::Arc;

use super::call::{Caller, Said};
use super::checked::Checked;
use super::next::Next;
use super::run::{Run, SlotRun};
use super::{Chain, Flow, Placement, settled};
use crate::exchange::Exchange;
use crate::plugin_host::assignment::{CallFailure, FailurePolicy};
use crate::plugin_host::guest::Work;
use crate::plugin_host::inputs::Reader;
use crate::plugin_host::repeats::{Known, Question};
use crate::plugin_host::{Assignment, Instances, Phase};

impl Chain {
    /// Asks the plugins about the head of the request, from where the last walk stopped for a body.
    ///
    /// Waits only for plugins that wait. If the future is dropped, a call that has begun is run to
    /// its end apart, and the exchange goes with it.
    pub async fn on_request(
        &self,
        instances: &Instances,
        run: &mut Run,
        mut exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Flow) {
        let Run { slots, turns: [turn, _], stages: [stages, _] } = run;
        for (at, (slot, state)) in self.slots.iter().zip(slots).enumerate().skip(*turn) {
            let (result, policy) = match state.placement(slot, &exchange) {
                None => continue,
                Some(Placement::Broken { on_failure, reason }) => {
                    let failure = CallFailure::Broken(reason.to_string());
                    super::response::report_broken(&slot.name, &exchange.id, &failure);
                    (Err(failure), FailurePolicy::always(*on_failure))
                }
                Some(Placement::Live(assignment)) if assignment.runs(Phase::RequestHead) => {
                    let (back, result) = ask(assignment, instances, state, exchange).await;
                    exchange = back;
                    (result, assignment.core.on_failure)
                }
                Some(Placement::Live(_)) => continue,
            };
            match settled(result, policy) {
                Next::Go => {}
                Next::Answer(answer) => return (exchange, Flow::Respond(*answer)),
                Next::Stream(stage) => stages.push(*stage),
                Next::Collect(most) => {
                    *turn = at;
                    return (exchange, Flow::Collect(most));
                }
            }
        }
        (exchange, Flow::Continue)
    }
}

async fn ask(
    assignment: &Arc<Assignment>,
    instances: &Instances,
    state: &mut SlotRun,
    mut exchange: Box<Exchange>,
) -> (Box<Exchange>, Result<Next, CallFailure>) {
    let inputs = assignment.setup.request_head.as_deref().unwrap_or_default();
    let reader = Reader::new(&exchange, false, assignment.core.services.deps.log_record);
    let inputs = reader.read_all(inputs);
    let question = match instances.known(&assignment.core, &inputs, &exchange) {
        Known::Verdict(checked) => {
            let next = checked.take_effect(None, assignment, (&mut exchange, state));
            return (exchange, next);
        }
        Known::Nothing(question) => Some(question),
        Known::Never => None,
    };
    let caller = Caller { assignment, instances, phase: Phase::RequestHead };
    let settle = async |said: Said<'_>| settle(said, caller, question).await;
    caller.call(state, exchange, Work::RequestHead(inputs), settle).await
}

/// Checks a verdict whole, and only then applies it.
async fn settle(said: Said<'_>, caller: Caller<'_>, question: Option<Question>) -> Result<Next, CallFailure> {
    let Said { outcome, kept, told, basis, exchange, state } = said;
    let mut checked = Checked::read(caller.assignment, outcome, &told)?;
    let repeatable = match checked.stranger() {
        Some(named) => {
            named.be_introduced(caller.assignment).await?;
            None
        }
        None => question.filter(|_| basis.repeats() && checked.stands_alone()),
    };
    let repeatable = repeatable.map(|question| (question, checked.clone()));
    let next = checked.take_effect(kept, caller.assignment, (exchange, state))?;
    if let Some((question, checked)) = repeatable {
        caller.instances.keep(question, basis, checked);
    }
    Ok(next)
}
