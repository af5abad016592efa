//! Plugins that are asked before a route is chosen.

use std::sync::Arc;

use super::call::{Caller, Said};
use super::next::Next;
use super::run::Run;
use super::{Chain, Flow, Placement, settled};
use crate::exchange::{self, Exchange};
use crate::plugin_host::guest::{Outcome, RequestVerdict, Work};
use crate::plugin_host::inputs::Reader;
use crate::plugin_host::{CallFailure, Instances, Phase, verify};

impl Chain {
    /// Asks the plugins of the global chain before a route is chosen: [`Flow::Continue`] or
    /// [`Flow::Respond`]. Call it if [`Chain::is_before_routing`].
    ///
    /// An assignment that is broken does not take part: its turn comes with its route's chain.
    pub async fn before_routing(
        &self,
        instances: &Instances,
        run: &mut Run,
        mut exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Flow) {
        for (slot, state) in self.slots.iter().zip(&mut run.slots) {
            let assignment = match state.placement(slot, &exchange) {
                Some(Placement::Live(assignment)) if assignment.runs(Phase::BeforeRouting) => assignment,
                Some(Placement::Live(_) | Placement::Broken { .. }) | None => continue,
            };
            let inputs = assignment.setup.before_routing.as_deref().unwrap_or_default();
            let reader = Reader::new(&exchange, false, assignment.core.services.deps.log_record);
            let work = Work::BeforeRouting(reader.read_all(inputs));
            let caller =
                Caller { assignment: &Arc::clone(assignment), instances, phase: Phase::BeforeRouting };
            let (back, result) = caller.call(state, exchange, work, async |said| settle(said)).await;
            exchange = back;
            if let Next::Answer(answer) = settled(result, assignment.core.on_failure) {
                return (exchange, Flow::Respond(*answer));
            }
        }
        (exchange, Flow::Continue)
    }
}

/// Checks a verdict whole, and only then applies it.
fn settle(said: Said<'_>) -> Result<Next, CallFailure> {
    let Said { outcome, exchange, .. } = said;
    let Outcome::BeforeRouting(verdict) = outcome else {
        return Err(CallFailure::BadAnswer("another phase's".into()));
    };
    let proceed = match verdict {
        RequestVerdict::Proceed(proceed) => proceed,
        RequestVerdict::Respond(said) => return Next::answer(said),
    };
    let edits = verify::edits(proceed.edits).map_err(CallFailure::BadAnswer)?;
    if let Some(change) = proceed.change {
        verify::routing(*change.0, &mut exchange.request).map_err(CallFailure::BadAnswer)?;
    }
    exchange::apply(edits, &mut exchange.request.headers);
    Ok(Next::Go)
}
