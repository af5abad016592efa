//! What a chain remembers of one exchange.

use std::time::Duration;

use super::Slot;
use super::slot::Placement;
use crate::exchange::Exchange;

/// What a chain remembers of one exchange from phase to phase. Belongs to the chain that made it.
#[derive(Debug, Default)]
pub struct Run {
    pub(super) slots: Vec<SlotRun>,
}

#[derive(Debug, Default)]
pub(super) struct SlotRun {
    choice: Choice,
    /// The plugin does not want the response phases.
    pub(super) skip_response: bool,
    pub(super) carry: Option<Vec<u8>>,
    /// Wall time that its calls took.
    pub(super) used: Duration,
}

#[derive(Debug, Default, Clone, Copy)]
enum Choice {
    #[default]
    Open,
    Nobody,
    Placed(usize),
}

impl Run {
    pub(super) fn new(slots: usize) -> Self {
        let mut run = Self { slots: Vec::with_capacity(slots) };
        run.slots.resize_with(slots, SlotRun::default);
        run
    }
}

impl SlotRun {
    /// The assignment that takes part; settled the first time that it is asked for.
    pub(super) fn placement<'a>(&mut self, slot: &'a Slot, exchange: &Exchange) -> Option<&'a Placement> {
        if matches!(self.choice, Choice::Open) {
            self.choice = slot.choose(exchange).map_or(Choice::Nobody, Choice::Placed);
        }
        match self.choice {
            Choice::Placed(at) => slot.placements.get(at),
            Choice::Open | Choice::Nobody => None,
        }
    }
}
