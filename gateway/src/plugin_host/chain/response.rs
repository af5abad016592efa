//! The head of the response goes through the chain.

use std::sync::Arc;

use super::call::{Caller, Said};
use super::next::Next;
use super::run::{Run, SlotRun};
use super::{Chain, Placement, ResponseFlow, settled};
use crate::exchange::{self, ConsumerFacts, Exchange, RequestId};
use crate::plugin_host::assignment::{CallFailure, Core};
use crate::plugin_host::guest::{Outcome, ResponseVerdict, Work};
use crate::plugin_host::inputs::Reader;
use crate::plugin_host::instances::Called;
use crate::plugin_host::{Assignment, Direction, Instances, Phase, verify};

impl Chain {
    /// Asks the plugins about the head of the response, which must be in `exchange.response`, from
    /// where the last walk stopped for a body.
    ///
    /// A plugin that replaces the response is the last one asked.
    pub async fn on_response(
        &self,
        instances: &Instances,
        run: &mut Run,
        mut exchange: Box<Exchange>,
    ) -> (Box<Exchange>, ResponseFlow) {
        let Run { slots, turns: [_, turn], stages: [_, stages] } = run;
        for (at, (slot, state)) in self.slots.iter().zip(slots).enumerate().skip(*turn) {
            let assignment = match state.placement(slot, &exchange) {
                Some(Placement::Live(assignment)) => assignment,
                Some(Placement::Broken { .. }) | None => continue,
            };
            if state.skip_response || !assignment.runs(Phase::ResponseHead) {
                continue;
            }
            let (back, result) = ask(assignment, instances, state, exchange).await;
            exchange = back;
            match settled(result, assignment.core.on_failure) {
                Next::Go => {}
                Next::Answer(answer) => return (exchange, ResponseFlow::Replace(*answer)),
                Next::Stream(stage) => stages.push(*stage),
                Next::Collect(most) => {
                    *turn = at;
                    return (exchange, ResponseFlow::Collect(most));
                }
            }
        }
        (exchange, ResponseFlow::Continue)
    }
}

async fn ask(
    assignment: &Arc<Assignment>,
    instances: &Instances,
    state: &mut SlotRun,
    exchange: Box<Exchange>,
) -> (Box<Exchange>, Result<Next, CallFailure>) {
    let inputs = assignment.setup.response_head.as_deref().unwrap_or_default();
    let reader = Reader::new(&exchange, true, assignment.core.services.deps.log_record);
    let work = Work::ResponseHead(reader.read_all(inputs), state.carry.clone());
    let caller = Caller { assignment, instances, phase: Phase::ResponseHead };
    caller.call(state, exchange, work, async |said| settle(said, assignment)).await
}

/// Checks a verdict whole, and only then applies it.
fn settle(said: Said<'_>, assignment: &Arc<Assignment>) -> Result<Next, CallFailure> {
    let Said { outcome, kept, told: _, basis: _, exchange, state } = said;
    let Outcome::ResponseHead(verdict) = outcome else {
        return Err(CallFailure::BadAnswer("another phase's".into()));
    };
    let proceed = match verdict {
        ResponseVerdict::Proceed(proceed) => proceed,
        ResponseVerdict::Replace(said) => return Next::answer(said),
    };
    let edits = verify::edits(proceed.edits).map_err(CallFailure::BadAnswer)?;
    let status = proceed.status.map(verify::status).transpose().map_err(CallFailure::BadAnswer)?;
    let carry = verify::carry(proceed.carry).map_err(CallFailure::BadAnswer)?;
    let next = Next::of(&proceed.body, kept, assignment, Direction::Response)?;
    if let Some(head) = &mut exchange.response {
        exchange::apply(edits, &mut head.headers);
        head.status = status.unwrap_or(head.status);
    }
    state.carry = carry.or_else(|| state.carry.take());
    Ok(next)
}

/// Takes a call apart.
#[expect(
    clippy::expect_used,
    reason = "a call is given an exchange, and nothing takes it out of the store but \
                                        the end of the call"
)]
pub(super) fn unwrap(
    called: Called,
) -> (Box<Exchange>, Result<Outcome, CallFailure>, Vec<Arc<ConsumerFacts>>) {
    let Called { exchange, answer, told, basis: _, waits: _, kept: _ } = called;
    (exchange.expect("a call gives its exchange back"), answer, told)
}

/// Tells the operator what went wrong, a few times in a while: a plugin that fails with each request
/// must not fill the log.
pub(crate) fn report(core: &Core, id: &RequestId, failure: &CallFailure) {
    let Some(left_out) = core.report() else { return };
    let (plugin, version) = (core.plugin.info.name.as_str(), core.plugin.info.version.as_str());
    let (request_id, reason) = (id.as_str(), failure.reason());
    // Some failures are told in the plugin's own words.
    let mut told = failure.to_string();
    core.grants.secrets.redact(&mut told);
    tracing::warn!(plugin, version, request_id, reason, left_out, "{told}");
}

/// The same for an assignment that never came to life.
pub(super) fn report_broken(plugin: &str, id: &RequestId, failure: &CallFailure) {
    tracing::warn!(plugin, request_id = id.as_str(), reason = failure.reason(), "{failure}");
}
