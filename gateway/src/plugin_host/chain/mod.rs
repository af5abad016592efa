//! The plugins of one route, in order, and what they do to an exchange.
//!
//! As in Kong: higher priority first, names break ties, the same order in every phase. One
//! assignment of each plugin takes part; which one is settled when its turn comes, with the
//! consumer known by then. After a plugin has answered by itself, the request phases of the later
//! ones are skipped, but their response and log phases run.

mod before_routing;
mod body;
mod call;
mod canary;
mod checked;
mod consumer;
mod filter;
mod function;
mod log;
mod named;
mod next;
mod request;
mod response;
mod run;
mod slot;
mod stage;

pub use body::Collected;
pub use canary::{Canary, Share};
pub(crate) use checked::Checked;
pub use filter::Filter;
pub(crate) use response::report;
pub use run::Run;
pub use slot::{Caller, Placement, Rank, Slot};

use std::time::Duration;

use self::next::Next;
use super::assignment::{FailurePolicy, OnFailure};
use super::load::Phases;
use super::{CallFailure, Phase};
use crate::exchange::LocalAnswer;

/// Where the request goes after its head.
#[derive(Debug)]
pub enum Flow {
    /// On to the upstream.
    Continue,
    /// A plugin wants the body, of so many bytes at most, before the head goes on:
    /// [`Chain::on_request_body`].
    Collect(u64),
    /// Back to the client, with this.
    Respond(LocalAnswer),
}

/// What becomes of the response after its head.
#[derive(Debug)]
pub enum ResponseFlow {
    /// It goes to the client, with the edits in its head.
    Continue,
    /// A plugin wants the body, of so many bytes at most, before the head goes on:
    /// [`Chain::on_response_body`].
    Collect(u64),
    /// This goes in its place.
    Replace(LocalAnswer),
}

/// The plugins of one route, compiled with the snapshot.
#[derive(Debug, Default)]
pub struct Chain {
    slots: Vec<Slot>,
    /// Those that one of its assignments or another takes part in.
    phases: Phases,
    /// Whether one of its assignments or another has consumers told apart in metrics.
    tells_consumers_apart: bool,
}

impl Chain {
    /// Puts slots in order.
    pub fn new(mut slots: Vec<Slot>) -> Self {
        slots.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| b.name.cmp(&a.name)));
        let phases = slots.iter().map(Slot::phases).fold(Phases::default(), Phases::union);
        let tells_consumers_apart = slots.iter().any(Slot::tells_consumers_apart);
        Self { slots, phases, tells_consumers_apart }
    }

    /// Whether a plugin may take part in the log phase, and so read the head of the response again.
    pub fn logs(&self) -> bool {
        self.phases.has(Phase::Log)
    }

    /// Whether a plugin wants to be asked before a route is chosen.
    pub fn is_before_routing(&self) -> bool {
        self.phases.has(Phase::BeforeRouting)
    }

    /// Whether no plugin can take part: then none of the phases has to be called.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Names of the plugins, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| &*slot.name)
    }

    /// The plugins that were called, in order, and the time that their calls took.
    pub fn times<'a>(&'a self, run: &'a Run) -> impl Iterator<Item = (&'a str, Duration)> {
        let all = self.slots.iter().zip(&run.slots);
        all.filter(|(_, state)| !state.used.is_zero()).map(|(slot, state)| (&*slot.name, state.used))
    }

    /// The state of one exchange in this chain.
    pub fn begin(&self) -> Run {
        Run::new(self.slots.len())
    }
}

/// What a call means for the walk under the assignment's policy.
fn settled(result: Result<Next, CallFailure>, policy: FailurePolicy) -> Next {
    match result {
        Ok(next) => next,
        Err(failure) if policy.of(&failure) == OnFailure::Closed => Next::Answer(Box::new(failure.answer())),
        Err(_) => Next::Go,
    }
}
