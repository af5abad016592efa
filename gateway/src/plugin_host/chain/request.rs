//! The head of the request goes through the chain.

use std::sync::Arc;
use std::time::Instant;

use super::run::{Run, SlotRun};
use super::{Chain, Flow, Placement};
use crate::exchange::{self, ConsumerFacts, Exchange, HeaderEdit, Identity, LocalAnswer, TargetChange};
use crate::plugin_host::assignment::{CallFailure, OnFailure};
use crate::plugin_host::bindings::exports::weir::plugin::request_head as wit;
use crate::plugin_host::bindings::weir::plugin::types::BodyMode;
use crate::plugin_host::guest::{Outcome, Work};
use crate::plugin_host::inputs::Reader;
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::{Assignment, Instances, Phase, verify};

/// Bytes that a plugin may carry from phase to phase.
const MAX_CARRY: usize = 4 << 10;

/// A verdict that has passed every check.
enum Checked {
    Proceed(Box<Proceed>),
    Respond(LocalAnswer),
}

struct Proceed {
    edits: Vec<HeaderEdit>,
    response_edits: Vec<HeaderEdit>,
    target: Option<TargetChange>,
    identity: Option<Identity>,
    response: bool,
    carry: Option<Vec<u8>>,
}

impl Chain {
    /// Asks the plugins about the head of the request.
    ///
    /// Waits only for plugins that wait. If the future is dropped, a call that has begun is run to
    /// its end apart, and the exchange goes with it.
    pub async fn on_request(
        &self,
        instances: &Instances,
        run: &mut Run,
        mut exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Flow) {
        for (slot, state) in self.slots.iter().zip(&mut run.slots) {
            let failed = match state.placement(slot, &exchange) {
                None => continue,
                Some(Placement::Broken { on_failure, reason }) => {
                    let failure = CallFailure::Broken(reason.to_string());
                    super::response::report(&slot.name, &exchange, &failure);
                    Some((*on_failure, failure))
                }
                Some(Placement::Live(assignment)) if assignment.runs(Phase::RequestHead) => {
                    let (back, result) = ask(assignment, instances, state, exchange).await;
                    exchange = back;
                    match result {
                        Ok(None) => None,
                        Ok(Some(answer)) => return (exchange, Flow::Respond(answer)),
                        Err(failure) => Some((assignment.core.on_failure, failure)),
                    }
                }
                Some(Placement::Live(_)) => continue,
            };
            if let Some((OnFailure::Closed, failure)) = failed {
                return (exchange, Flow::Respond(failure.answer()));
            }
        }
        (exchange, Flow::Continue)
    }
}

async fn ask(
    assignment: &Assignment,
    instances: &Instances,
    state: &mut SlotRun,
    exchange: Box<Exchange>,
) -> (Box<Exchange>, Result<Option<LocalAnswer>, CallFailure>) {
    let core = &assignment.core;
    let begun = Instant::now();
    let inputs = assignment.setup.request_head.as_deref().unwrap_or_default();
    let work =
        Work::RequestHead(Reader::new(&exchange, false, core.services.deps.log_record).read_all(inputs));
    let wall = core.limits.wall.saturating_sub(state.used);
    let called = instances.call(core, exchange, work, wall).await;
    let (mut exchange, answer, told) = super::response::unwrap(called);
    let checked = match answer {
        Ok(Outcome::RequestHead(verdict)) => check(assignment, &exchange, verdict, &told).await,
        Ok(Outcome::ResponseHead(_) | Outcome::Logged) => {
            Err(CallFailure::BadAnswer("another phase's".into()))
        }
        Err(failure) => Err(failure),
    };
    let time = begun.elapsed();
    state.used += time;
    exchange.timing.plugins += time;
    let (outcome, result) = match checked {
        Ok(Checked::Proceed(proceed)) => {
            apply(*proceed, &mut exchange, state);
            (CallOutcome::Proceed, Ok(None))
        }
        Ok(Checked::Respond(answer)) => (CallOutcome::Respond, Ok(Some(answer))),
        Err(failure) => {
            super::response::report(assignment.name(), &exchange, &failure);
            (CallOutcome::of(&failure), Err(failure))
        }
    };
    instances.count(core, Phase::RequestHead, outcome, time);
    (exchange, result)
}

fn apply(proceed: Proceed, exchange: &mut Exchange, state: &mut SlotRun) {
    let Proceed { edits, response_edits, target, identity, response, carry } = proceed;
    exchange::apply(edits, &mut exchange.request.headers);
    exchange.response_edits.extend(response_edits);
    if let Some(target) = target {
        exchange.target = target;
    }
    if let Some(identity) = identity {
        exchange.identity = Some(identity);
    }
    state.skip_response = !response;
    state.carry = carry;
}

async fn check(
    assignment: &Assignment,
    exchange: &Exchange,
    verdict: wit::Verdict,
    told: &[Arc<ConsumerFacts>],
) -> Result<Checked, CallFailure> {
    let proceed = match verdict {
        wit::Verdict::Proceed(proceed) => proceed,
        wit::Verdict::Respond(said) => {
            return verify::answer(said).map(Checked::Respond).map_err(CallFailure::BadAnswer);
        }
    };
    let wit::Proceed { edits, target, identity, body, response, response_edits, carry } = proceed;
    if !matches!(body, BodyMode::Pass) {
        return Err(CallFailure::BadAnswer(
            "it asks for the body, and this gateway has no body phases yet".into(),
        ));
    }
    if carry.as_ref().is_some_and(|carry| carry.len() > MAX_CARRY) {
        return Err(CallFailure::BadAnswer("it carries more than 4 KiB".into()));
    }
    let target = match target {
        None => None,
        Some(said) => {
            let mut target = exchange.target.clone();
            verify::target(said, &mut target).map_err(CallFailure::BadAnswer)?;
            Some(target)
        }
    };
    let edits = verify::edits(edits).map_err(CallFailure::BadAnswer)?;
    let response_edits = verify::edits(response_edits).map_err(CallFailure::BadAnswer)?;
    let identity = match identity {
        None => None,
        Some(said) => Some(identify(assignment, said, told).await?),
    };
    let proceed = Proceed { edits, response_edits, target, identity, response, carry };
    Ok(Checked::Proceed(Box::new(proceed)))
}

/// Finds the consumer that a verdict names: only a plugin that authenticates may name one.
async fn identify(
    assignment: &Assignment,
    said: wit::Identity,
    told: &[Arc<ConsumerFacts>],
) -> Result<Identity, CallFailure> {
    let wit::Identity { consumer, credential, groups, claims_json: _ } = said;
    if !assignment.core.plugin.info.authenticates {
        return Err(CallFailure::BadAnswer("it says who the caller is, but does not authenticate".into()));
    }
    let consumer = match consumer {
        None => None,
        Some(id) => Some(facts(assignment, &id, told).await?),
    };
    Ok(Identity { consumer, credential, groups })
}

async fn facts(
    assignment: &Assignment,
    id: &str,
    told: &[Arc<ConsumerFacts>],
) -> Result<Arc<ConsumerFacts>, CallFailure> {
    let unknown = || CallFailure::BadAnswer("it names a consumer that there is not".into());
    let uuid: uuid::Uuid = id.parse().map_err(|_| unknown())?;
    if let Some(known) = told.iter().find(|facts| facts.id == uuid) {
        return Ok(Arc::clone(known));
    }
    let found = assignment.core.services.deps.directory.find_consumer(id).await;
    let failed = |message| CallFailure::Failed { message, retryable: true };
    found.map_err(failed)?.ok_or_else(unknown)
}
