//! After the exchange: the inputs of log plugins are read and queued.

use super::{Chain, Placement, Run};
use crate::exchange::Exchange;
use crate::plugin_host::guest::LogEntry;
use crate::plugin_host::inputs::Reader;
use crate::plugin_host::{Instances, Phase};

impl Chain {
    /// Queues the exchange for its log plugins. Never waits; a full queue drops its oldest entry.
    ///
    /// Must be called within a tokio runtime: the queues are emptied by tasks.
    pub fn on_log(&self, instances: &Instances, run: &mut Run, exchange: &Exchange) {
        for (slot, state) in self.slots.iter().zip(&mut run.slots) {
            let assignment = match state.placement(slot, exchange) {
                Some(Placement::Live(assignment)) if assignment.runs(Phase::Log) => assignment,
                Some(Placement::Live(_) | Placement::Broken { .. }) | None => continue,
            };
            let reader = Reader::new(exchange, true, assignment.core.services.deps.log_record);
            let inputs = reader.read_all(assignment.setup.log.as_deref().unwrap_or_default());
            let carry = state.carry.take();
            instances.log_queue(assignment).push(LogEntry { inputs, carry });
        }
    }
}
