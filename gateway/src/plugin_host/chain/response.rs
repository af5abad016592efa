//! The head of the response goes through the chain.

use std::sync::Arc;
use std::time::Instant;

use super::run::{Run, SlotRun};
use super::{Chain, Placement, ResponseFlow};
use crate::exchange::{self, ConsumerFacts, Exchange, LocalAnswer};
use crate::plugin_host::assignment::{CallFailure, Core, OnFailure};
use crate::plugin_host::bindings::exports::weir::plugin::response_head as wit;
use crate::plugin_host::bindings::weir::plugin::types::BodyMode;
use crate::plugin_host::guest::{Outcome, Work};
use crate::plugin_host::inputs::Reader;
use crate::plugin_host::instances::Called;
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::{Assignment, Instances, Phase, verify};

impl Chain {
    /// Asks the plugins about the head of the response, which must be in `exchange.response`.
    ///
    /// A plugin that replaces the response is the last one asked.
    pub async fn on_response(
        &self,
        instances: &Instances,
        run: &mut Run,
        mut exchange: Box<Exchange>,
    ) -> (Box<Exchange>, ResponseFlow) {
        for (slot, state) in self.slots.iter().zip(&mut run.slots) {
            let assignment = match state.placement(slot, &exchange) {
                Some(Placement::Live(assignment)) => assignment,
                Some(Placement::Broken { .. }) | None => continue,
            };
            if state.skip_response || !assignment.runs(Phase::ResponseHead) {
                continue;
            }
            let (back, result) = ask(assignment, instances, state, exchange).await;
            exchange = back;
            let failure = match result {
                Ok(None) => continue,
                Ok(Some(answer)) => return (exchange, ResponseFlow::Replace(answer)),
                Err(failure) => failure,
            };
            if assignment.core.on_failure.of(&failure) == OnFailure::Closed {
                return (exchange, ResponseFlow::Replace(failure.answer()));
            }
        }
        (exchange, ResponseFlow::Continue)
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
    let inputs = assignment.setup.response_head.as_deref().unwrap_or_default();
    let inputs = Reader::new(&exchange, true, core.services.deps.log_record).read_all(inputs);
    let work = Work::ResponseHead(inputs, state.carry.clone());
    let wall = core.limits.wall.saturating_sub(state.used);
    let called = instances.call(core, exchange, work, (begun, wall)).await;
    let (mut exchange, answer, _) = unwrap(called);
    let checked = match answer {
        Ok(Outcome::ResponseHead(verdict)) => settle(*verdict, &mut exchange, state),
        Ok(Outcome::RequestHead(_) | Outcome::Logged) => {
            Err(CallFailure::BadAnswer("another phase's".into()))
        }
        Err(failure) => Err(failure),
    };
    let time = begun.elapsed();
    state.used += time;
    exchange.timing.plugins += time;
    let outcome = match &checked {
        Ok(None) => CallOutcome::Proceed,
        Ok(Some(_)) => CallOutcome::Respond,
        Err(failure) => {
            report(core, &exchange, failure);
            CallOutcome::of(failure)
        }
    };
    instances.count(core, Phase::ResponseHead, outcome, time);
    (exchange, checked)
}

/// Checks a verdict whole, and only then applies it.
fn settle(
    verdict: wit::Verdict,
    exchange: &mut Exchange,
    state: &mut SlotRun,
) -> Result<Option<LocalAnswer>, CallFailure> {
    let wit::Proceed { status, edits, body, carry } = match verdict {
        wit::Verdict::Proceed(proceed) => proceed,
        wit::Verdict::Replace(said) => return verify::answer(said).map(Some).map_err(CallFailure::BadAnswer),
    };
    if !matches!(body, BodyMode::Pass) {
        return Err(CallFailure::BadAnswer(
            "it asks for the body, and this gateway has no body phases yet".into(),
        ));
    }
    let edits = verify::edits(edits).map_err(CallFailure::BadAnswer)?;
    let status = status.map(verify::status).transpose().map_err(CallFailure::BadAnswer)?;
    if let Some(head) = &mut exchange.response {
        exchange::apply(edits, &mut head.headers);
        head.status = status.unwrap_or(head.status);
    }
    state.carry = carry.or_else(|| state.carry.take());
    Ok(None)
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
    let Called { exchange, answer, told, waits: _ } = called;
    (exchange.expect("a call gives its exchange back"), answer, told)
}

/// Tells the operator what went wrong, a few times in a while: a plugin that fails with each request
/// must not fill the log.
pub(super) fn report(core: &Core, exchange: &Exchange, failure: &CallFailure) {
    let Some(left_out) = core.report() else { return };
    let (plugin, version) = (core.plugin.info.name.as_str(), core.plugin.info.version.as_str());
    let (request_id, reason) = (exchange.id.as_str(), failure.reason());
    tracing::warn!(plugin, version, request_id, reason, left_out, "{failure}");
}

/// The same for an assignment that never came to life.
pub(super) fn report_broken(plugin: &str, exchange: &Exchange, failure: &CallFailure) {
    tracing::warn!(plugin, request_id = exchange.id.as_str(), reason = failure.reason(), "{failure}");
}
