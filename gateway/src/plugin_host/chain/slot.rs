//! One plugin of a chain, with all its assignments that may take part.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::canary::{Canary, Share};
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

impl Placement {
    /// Whether it has consumers told apart in metrics.
    pub(super) fn tells_consumers_apart(&self) -> bool {
        match self {
            Self::Live(assignment) => assignment.core.grants.tells_consumers_apart,
            Self::Broken { .. } => false,
        }
    }
}

/// One plugin of a chain.
#[derive(Debug)]
pub struct Slot {
    pub(super) name: Arc<str>,
    pub(super) priority: i32,
    pub(super) placements: Vec<Placement>,
    default: Option<usize>,
    /// By consumer and by group of consumers; the lower rank goes first.
    callers: HashMap<Caller, (Rank, usize)>,
    /// Empty but for a plugin with a candidate version, so that others pay nothing for it.
    canaries: Vec<Offer>,
}

/// Whom an assignment is for, if not for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// One consumer.
    Consumer(Uuid),
    /// The consumers of a group.
    Group(Uuid),
}

/// How specific an assignment is; the lowest is the most specific.
pub type Rank = u8;

/// A candidate for one of the placements; it is a placement itself.
#[derive(Debug)]
struct Offer {
    instead_of: usize,
    candidate: usize,
    share: Share,
}

impl Slot {
    /// `default` serves callers that are not in `callers`.
    pub fn new(
        name: impl Into<Arc<str>>,
        priority: i32,
        default: Option<Placement>,
        callers: impl IntoIterator<Item = (Caller, Rank, Placement)>,
    ) -> Self {
        let mut placements: Vec<_> = default.into_iter().collect();
        let default = placements.len().checked_sub(1);
        let mut by_caller = HashMap::new();
        for (caller, rank, placement) in callers {
            by_caller.insert(caller, (rank, placements.len()));
            placements.push(placement);
        }
        Self { name: name.into(), priority, placements, default, callers: by_caller, canaries: Vec::new() }
    }

    /// Lets a candidate have a share of the exchanges of one placement: that of `caller`, or the
    /// default. Without such a placement there is nothing to share.
    pub fn try_out(&mut self, caller: Option<Caller>, canary: Canary) {
        let place = match caller {
            Some(caller) => self.callers.get(&caller).map(|(_, place)| *place),
            None => self.default,
        };
        let Some(instead_of) = place else { return };
        self.canaries.push(Offer { instead_of, candidate: self.placements.len(), share: canary.share });
        self.placements.push(Placement::Live(canary.candidate));
    }

    /// Whether one of its assignments has consumers told apart in metrics.
    pub(super) fn tells_consumers_apart(&self) -> bool {
        self.placements.iter().any(Placement::tells_consumers_apart)
    }

    /// The phases that its assignments take part in.
    pub(super) fn phases(&self) -> Phases {
        let phases = self.placements.iter().map(|placement| match placement {
            Placement::Live(assignment) => assignment.setup.phases,
            Placement::Broken { .. } => Phases::default(),
        });
        phases.fold(Phases::default(), Phases::union)
    }

    /// The assignment for this exchange, by its place in `placements`.
    pub(super) fn choose(&self, exchange: &Exchange) -> Option<usize> {
        let place = self.place(exchange)?;
        if self.canaries.is_empty() {
            return Some(place);
        }
        let offer = self.canaries.iter().find(|offer| offer.instead_of == place);
        let taken = offer.filter(|offer| offer.share.takes(exchange));
        Some(taken.map_or(place, |offer| offer.candidate))
    }

    fn place(&self, exchange: &Exchange) -> Option<usize> {
        if self.callers.is_empty() {
            return self.default;
        }
        let consumer = exchange.identity.as_ref().and_then(|identity| identity.consumer.as_ref());
        let own = consumer.and_then(|consumer| {
            let of = |caller: Caller| self.callers.get(&caller).copied();
            let groups = consumer.groups.iter().map(|group| Caller::Group(*group));
            // Of two groups the first wins, since it comes first and `min_by_key` keeps it.
            let all = std::iter::once(Caller::Consumer(consumer.id)).chain(groups).filter_map(of);
            all.min_by_key(|(rank, _)| *rank).map(|(_, place)| place)
        });
        own.or(self.default)
    }
}
