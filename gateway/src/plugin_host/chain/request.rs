//! The head of the request goes through the chain.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::next::Next;
use super::run::{Run, SlotRun};
use super::{Chain, Flow, Placement, settled};
use crate::exchange::{self, ConsumerFacts, Exchange, HeaderEdit, Identity, LocalAnswer, TargetChange};
use crate::plugin_host::assignment::{CallFailure, FailurePolicy};
use crate::plugin_host::bindings::exports::weir::plugin::request_head as wit;
use crate::plugin_host::bindings::weir::plugin::types::BodyMode;
use crate::plugin_host::guest::verdict::RequestHead;
use crate::plugin_host::guest::{Outcome, RequestVerdict, Work};
use crate::plugin_host::inputs::Reader;
use crate::plugin_host::metrics::CallOutcome;
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
    identity: Option<Identity>,
    /// A consumer that `identity` names, and that the guest was not told about in this call.
    stranger: Option<Uuid>,
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
    let core = &assignment.core;
    let begun = Instant::now();
    let inputs = assignment.setup.request_head.as_deref().unwrap_or_default();
    let work =
        Work::RequestHead(Reader::new(&exchange, false, core.services.deps.log_record).read_all(inputs));
    let wall = core.limits.wall.saturating_sub(state.used);
    let mut called = instances.call(core, exchange, work, (begun, wall)).await;
    let kept = called.kept.take();
    let (mut exchange, answer, told) = super::response::unwrap(called);
    let mut checked = answer.and_then(|outcome| check(assignment, &exchange, outcome, &told));
    if let Ok(Checked::Proceed(Proceed { stranger: Some(id), identity: Some(identity), .. })) = &mut checked {
        // Boxed, because it is rare: it shall not make every request's future larger.
        match Box::pin(introduce(assignment, *id)).await {
            Ok(facts) => identity.consumer = Some(facts),
            Err(failure) => checked = Err(failure),
        }
    }
    let settled = match checked {
        Ok(Checked::Proceed(proceed)) => {
            let next = Next::of(&proceed.body, kept, assignment, Direction::Request);
            next.inspect(|_| apply(proceed, &mut exchange, state))
        }
        Ok(Checked::Respond(answer)) => Ok(Next::Answer(answer)),
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
    instances.count(core, Phase::RequestHead, outcome, time);
    (exchange, settled)
}

fn apply(proceed: Proceed, exchange: &mut Exchange, state: &mut SlotRun) {
    let Proceed { edits, response_edits, target, identity, stranger: _, response, carry, body: _ } = proceed;
    exchange::apply(edits, &mut exchange.request.headers);
    exchange.response_edits.extend(response_edits);
    if let Some(target) = target {
        exchange.target = *target;
    }
    if let Some(identity) = identity {
        identity.announce(&mut exchange.request.headers);
        exchange.identity = Some(identity);
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
    let identity = identity.map(|said| identify(assignment, *said.0, told)).transpose()?;
    let (identity, stranger) = identity.map_or((None, None), |(known, stranger)| (Some(known), stranger));
    Ok(Checked::Proceed(Proceed { edits, response_edits, target, identity, stranger, response, carry, body }))
}

/// Reads whom a verdict names: only a plugin that authenticates may name anybody.
fn identify(
    assignment: &Assignment,
    said: wit::Identity,
    told: &[Arc<ConsumerFacts>],
) -> Result<(Identity, Option<Uuid>), CallFailure> {
    let wit::Identity { consumer, credential, groups, claims_json: _, anonymous } = said;
    if !assignment.core.plugin.info.authenticates {
        return Err(CallFailure::BadAnswer("it says who the caller is, but does not authenticate".into()));
    }
    let id = consumer.map(|id| id.parse::<Uuid>()).transpose().map_err(|_| unknown_consumer())?;
    let known = id.and_then(|id| told.iter().find(|facts| facts.id == id)).cloned();
    let stranger = id.filter(|_| known.is_none());
    Ok((Identity { consumer: known, credential, groups, anonymous }, stranger))
}

/// Finds a consumer that the guest knows from elsewhere.
async fn introduce(assignment: &Assignment, id: Uuid) -> Result<Arc<ConsumerFacts>, CallFailure> {
    let found = assignment.core.services.deps.directory.find_consumer(&id.to_string()).await;
    let failed = |message| CallFailure::Failed { message, retryable: true };
    found.map_err(failed)?.ok_or_else(unknown_consumer)
}

fn unknown_consumer() -> CallFailure {
    CallFailure::BadAnswer("it names a consumer that there is not".into())
}
