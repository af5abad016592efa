//! What a chain remembers of one exchange.

use std::time::Duration;

use super::Slot;
use super::slot::Placement;
use super::stage::Stage;
use crate::exchange::Exchange;
use crate::plugin_host::Direction;

/// What a chain remembers of one exchange from phase to phase. Belongs to the chain that made it.
#[derive(Default)]
pub struct Run {
    pub(super) slots: Vec<SlotRun>,
    /// Whose turn it is in the walk of the request, and in that of the response.
    pub(super) turns: [usize; 2],
    /// Plugins that want the chunks of the request, and those of the response.
    pub(super) stages: [Vec<Stage>; 2],
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
        let mut run = Self { slots: Vec::with_capacity(slots), ..Self::default() };
        run.slots.resize_with(slots, SlotRun::default);
        run
    }

    /// Goes on behind the plugin that wanted a body, since there is none.
    pub fn skip_body(&mut self, direction: Direction) {
        *self.turn(direction) += 1;
    }

    pub(super) fn turn(&mut self, direction: Direction) -> &mut usize {
        let [request, response] = &mut self.turns;
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
    }

    pub(super) fn stages(&mut self, direction: Direction) -> &mut Vec<Stage> {
        let [request, response] = &mut self.stages;
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
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
