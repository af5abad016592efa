//! One plugin of a chain, with all its assignments that may take part.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::exchange::Exchange;
use crate::plugin_host::load::Phases;
use crate::plugin_host::{Assignment, OnFailure};

/// An assignment, or the gap that a broken one leaves.
#[derive(Debug, Clone)]
pub enum Placement {
    /// Ready to be called.
    Live(Arc<Assignment>),
    /// It could not be loaded or configured.
    Broken {
        /// What a request gets.
        on_failure: OnFailure,
        /// Why, for the log.
        reason: Arc<str>,
    },
}

/// One plugin of a chain.
#[derive(Debug)]
pub struct Slot {
    pub(super) name: Arc<str>,
    pub(super) priority: i32,
    pub(super) placements: Vec<Placement>,
    default: Option<usize>,
    consumers: HashMap<Uuid, usize>,
}

impl Slot {
    /// `default` serves callers that are not in `consumers`.
    pub fn new(
        name: impl Into<Arc<str>>,
        priority: i32,
        default: Option<Placement>,
        consumers: impl IntoIterator<Item = (Uuid, Placement)>,
    ) -> Self {
        let mut placements: Vec<_> = default.into_iter().collect();
        let default = placements.len().checked_sub(1);
        let mut by_consumer = HashMap::new();
        for (consumer, placement) in consumers {
            by_consumer.insert(consumer, placements.len());
            placements.push(placement);
        }
        Self { name: name.into(), priority, placements, default, consumers: by_consumer }
    }

    /// The phases that its assignments take part in.
    pub(super) fn phases(&self) -> Phases {
        let phases = self.placements.iter().map(|placement| match placement {
            Placement::Live(assignment) => assignment.setup.phases,
            Placement::Broken { .. } => Phases::default(),
        });
        phases.fold(Phases::default(), Phases::union)
    }

    /// The assignment for this caller, by its place in `placements`.
    pub(super) fn choose(&self, exchange: &Exchange) -> Option<usize> {
        if self.consumers.is_empty() {
            return self.default;
        }
        let consumer = exchange.identity.as_ref().and_then(|identity| identity.consumer.as_ref());
        let own = consumer.and_then(|consumer| self.consumers.get(&consumer.id)).copied();
        own.or(self.default)
    }
}
