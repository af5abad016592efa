//! What became of the rows of `plugins`: made runnable, broken, or not ready yet.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::plugin_host::{Assignment, Canary, OnFailure, Placement};

/// The assignments of one configuration by the id of their row. A row that is missing in here takes
/// no part.
pub type AssignedPlugins = HashMap<Uuid, Assigned>;

/// One row of `plugins`, prepared.
#[derive(Debug, Clone)]
pub struct Assigned {
    /// Place of the plugin in the chain.
    pub priority: i32,
    /// What a request meets.
    state: State,
    /// A candidate that takes a share of its exchanges.
    canary: Option<Canary>,
}

/// How far the preparation came.
#[derive(Debug, Clone)]
enum State {
    /// It runs, or it is broken and fails as its policy says.
    Done(Placement),
    /// Its component is still being compiled. Routes that were live before go on without it, as if
    /// the operator had not made it yet; a new route must not run without it.
    Pending(OnFailure),
}

impl Assigned {
    /// A row that can run, or that never will as it stands.
    pub fn done(priority: i32, placement: Placement) -> Self {
        Self { priority, state: State::Done(placement), canary: None }
    }

    /// A row whose component is not compiled yet.
    pub fn pending(priority: i32, on_failure: OnFailure) -> Self {
        Self { priority, state: State::Pending(on_failure), canary: None }
    }

    /// With a candidate beside it, or none.
    #[must_use]
    pub fn with_canary(self, canary: Option<Canary>) -> Self {
        Self { canary, ..self }
    }

    /// The assignment, if it runs.
    pub fn live(&self) -> Option<Arc<Assignment>> {
        match &self.state {
            State::Done(Placement::Live(assignment)) => Some(Arc::clone(assignment)),
            State::Done(Placement::Broken { .. }) | State::Pending(_) => None,
        }
    }

    fn is(&self, other: &Self) -> bool {
        let same_state = match (&self.state, &other.state) {
            (State::Done(Placement::Live(one)), State::Done(Placement::Live(two))) => Arc::ptr_eq(one, two),
            (
                State::Done(Placement::Broken { on_failure, reason }),
                State::Done(Placement::Broken { on_failure: two, reason: other }),
            ) => on_failure == two && reason == other,
            (State::Done(_) | State::Pending(_), State::Done(_) | State::Pending(_)) => false,
        };
        let same_canary = match (&self.canary, &other.canary) {
            (Some(one), Some(two)) => Arc::ptr_eq(&one.candidate, &two.candidate) && one.share == two.share,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.priority == other.priority && same_state && same_canary
    }

    pub(super) fn canary(&self) -> Option<&Canary> {
        self.canary.as_ref()
    }

    /// Whether it waits for its component.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Pending(_))
    }

    /// What a request meets on a route that is new, or was live before.
    pub(super) fn placement(&self, route: RouteAge) -> Option<Placement> {
        match (&self.state, route) {
            (State::Done(placement), _) => Some(placement.clone()),
            (State::Pending(_), RouteAge::Live) => None,
            (State::Pending(on_failure), RouteAge::New) => Some(Placement::Broken {
                on_failure: *on_failure,
                reason: Arc::from("its component is still being compiled"),
            }),
        }
    }
}

/// Whether both lead to the very same assignments.
pub(super) fn same_assigned(one: &AssignedPlugins, other: &AssignedPlugins) -> bool {
    let is = |(id, assigned): (&Uuid, &Assigned)| other.get(id).is_some_and(|other| other.is(assigned));
    one.len() == other.len() && one.iter().all(is)
}

/// Whether the snapshot before had a route already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum RouteAge {
    New,
    Live,
}
