//! The function of a route, which answers in the upstream's place.

use std::sync::Arc;

use super::run::Run;
use super::{Chain, Placement};
use crate::exchange::Exchange;
use crate::plugin_host::{Assignment, Phase};

impl Chain {
    /// Whether one of its assignments may be a function: most chains have none, and are not searched.
    pub fn has_function(&self) -> bool {
        self.phases.has(Phase::Function)
    }

    /// The function that answers this exchange, once the chain has let it through: the first in its order.
    pub fn function(&self, run: &mut Run, exchange: &Exchange) -> Option<Arc<Assignment>> {
        self.slots.iter().zip(&mut run.slots).find_map(|(slot, state)| {
            match state.placement(slot, exchange) {
                Some(Placement::Live(assignment)) if assignment.runs(Phase::Function) => {
                    Some(Arc::clone(assignment))
                }
                Some(Placement::Live(_) | Placement::Broken { .. }) | None => None,
            }
        })
    }
}
