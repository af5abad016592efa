//! Whose requests the gateway's own metrics count apart.

use super::slot::Placement;
use super::{Chain, Run};
use crate::exchange::{ConsumerFacts, Exchange};

impl Chain {
    /// The consumer that this exchange is to be counted under; `None` if nobody is, or if no assignment that
    /// takes part has consumers told apart.
    pub fn counted_consumer<'e>(&self, run: &mut Run, exchange: &'e Exchange) -> Option<&'e ConsumerFacts> {
        if !self.tells_consumers_apart {
            return None;
        }
        let consumer = exchange.identity.as_ref()?.consumer.as_deref()?;
        let mut all = self.slots.iter().zip(&mut run.slots);
        let told_apart = all.any(|(slot, state)| {
            state.placement(slot, exchange).is_some_and(Placement::tells_consumers_apart)
        });
        told_apart.then_some(consumer)
    }
}
