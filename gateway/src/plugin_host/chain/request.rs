//! The head of the request goes through the chain.

use std::sync::Arc;

use super::call::{Caller, Said};
use super::named::Named;
use super::next::Next;
use super::run::{Run, SlotRun};
use super::{Chain, Flow, Placement, settled};
use crate::exchange::{self, ConsumerFacts, Exchange, HeaderEdit, LocalAnswer, TargetChange};
use crate::plugin_host::assignment::{CallFailure, FailurePolicy};
use crate::plugin_host::bindings::exports::weir::plugin::request_head as wit;
use crate::plugin_host::bindings::weir::plugin::types::BodyMode;
use crate::plugin_host::guest::verdict::RequestHead;
use crate::plugin_host::guest::{Outcome, RequestVerdict, Work};
use crate::plugin_host::inputs::Reader;
use crate::plugin_host::verify::{self, Apart};
use crate::plugin_host::{Assignment, Direction, Instances, Phase};

/// A verdict that has passed every check.
enum Checked {
    Proceed(Proceed),
    Respond(Box<LocalAnswer>),
}

struct Proceed {
    edits: Vec<HeaderEdit>,
    response_edits: Vec<HeaderEdit>,
    target: Option<Box<TargetChange>>,
    named: Option<Named>,
    response: bool,
    carry: Option<Vec<u8>>,
    body: BodyMode,
}

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
    exchange: Box<Exchange>,
) -> (Box<Exchange>, Result<Next, CallFailure>) {
    let inputs = assignment.setup.request_head.as_deref().unwrap_or_default();
    let reader = Reader::new(&exchange, false, assignment.core.services.deps.log_record);
    let work = Work::RequestHead(reader.read_all(inputs));
    let caller = Caller { assignment, instances, phase: Phase::RequestHead };
    caller.call(state, exchange, work, async |said| settle(said, assignment).await).await
}

/// Checks a verdict whole, and only then applies it.
async fn settle(said: Said<'_>, assignment: &Arc<Assignment>) -> Result<Next, CallFailure> {
    let Said { outcome, kept, told, exchange, state } = said;
    let mut proceed = match check(assignment, exchange, outcome, &told)? {
        Checked::Proceed(proceed) => proceed,
        Checked::Respond(answer) => return Ok(Next::Answer(answer)),
    };
    if let Some(named) = &mut proceed.named {
        named.be_introduced(assignment).await?;
    }
    let next = Next::of(&proceed.body, kept, assignment, Direction::Request)?;
    apply(proceed, exchange, state);
    Ok(next)
}

fn apply(proceed: Proceed, exchange: &mut Exchange, state: &mut SlotRun) {
    let Proceed { edits, response_edits, target, named, response, carry, body: _ } = proceed;
    if let Some(named) = named {
        named.take_effect(exchange);
    }
    // After the gateway's own headers about the caller: some plugins of Kong's tell another name of the credential.
    exchange::apply(edits, &mut exchange.request.headers);
    exchange.response_edits.extend(response_edits);
    if let Some(target) = target {
        exchange.target = *target;
    }
    state.skip_response = !response;
    state.carry = carry;
}

/// Checks a verdict whole; nothing is applied yet.
fn check(
    assignment: &Assignment,
    exchange: &Exchange,
    outcome: Outcome,
    told: &[Arc<ConsumerFacts>],
) -> Result<Checked, CallFailure> {
    let Outcome::RequestHead(verdict) = outcome else {
        return Err(CallFailure::BadAnswer("another phase's".into()));
    };
    let RequestHead { edits, target, identity, body, response, response_edits, carry } = match verdict {
        RequestVerdict::Proceed(proceed) => proceed,
        RequestVerdict::Respond(said) => {
            let answer = verify::answer(*said.0).map_err(CallFailure::BadAnswer)?;
            return Ok(Checked::Respond(Box::new(answer)));
        }
    };
    let carry = verify::carry(carry).map_err(CallFailure::BadAnswer)?;
    let change = |said: Apart<wit::TargetChange>| {
        let mut target = Box::new(exchange.target.clone());
        verify::target(*said.0, &mut target).map(|()| target)
    };
    let target = target.map(change).transpose().map_err(CallFailure::BadAnswer)?;
    let edits = verify::edits(edits).map_err(CallFailure::BadAnswer)?;
    let response_edits = verify::edits(response_edits).map_err(CallFailure::BadAnswer)?;
    let named = identity.map(|said| Named::read(assignment, *said.0, told)).transpose()?;
    Ok(Checked::Proceed(Proceed { edits, response_edits, target, named, response, carry, body }))
}
