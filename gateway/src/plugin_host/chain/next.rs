//! What a plugin's answer means for the walk through the chain.

use std::sync::Arc;

use super::stage::Stage;
use crate::exchange::LocalAnswer;
use crate::plugin_host::bindings::weir::plugin::types::{BodyMode, LocalResponse};
use crate::plugin_host::guest::Instance;
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::verify::{self, Apart};
use crate::plugin_host::{Assignment, CallFailure, Direction};

/// What a plugin's answer means for the walk.
pub(super) enum Next {
    /// The next plugin is asked.
    Go,
    /// This is the answer to the client. Boxed, as what is rare is, so that handing the rest on costs little.
    Answer(Box<LocalAnswer>),
    /// The same plugin is asked again with the body, of so many bytes at most.
    Collect(u64),
    /// The next plugin is asked, and this one gets the chunks of the body.
    Stream(Box<Stage>),
}

impl Next {
    /// The plugin's own answer, if it can be given.
    pub(super) fn answer(said: Apart<LocalResponse>) -> Result<Self, CallFailure> {
        let answer = verify::answer(*said.0).map_err(CallFailure::BadAnswer)?;
        Ok(Self::Answer(Box::new(answer)))
    }

    /// What `body` asks for, if the plugin can have it.
    pub(super) fn of(
        body: &BodyMode,
        kept: Option<Instance>,
        assignment: &Arc<Assignment>,
        direction: Direction,
    ) -> Result<Self, CallFailure> {
        let wanted = match body {
            BodyMode::Pass => return Ok(Self::Go),
            BodyMode::Stream => direction.stream(),
            BodyMode::Buffer(_) => direction.body(),
        };
        if !assignment.runs(wanted) {
            let words = format!("it asks for the body, but not for the phase {}", wanted.as_str());
            return Err(CallFailure::BadAnswer(words));
        }
        match (body, kept) {
            (BodyMode::Buffer(most), _) => Ok(Self::Collect(*most)),
            (_, Some(instance)) => {
                Stage::keep(assignment, instance).map(|stage| Self::Stream(Box::new(stage)))
            }
            (_, None) => Err(CallFailure::Start("its instance is gone".into())),
        }
    }

    /// For metrics.
    pub(super) fn outcome(&self) -> CallOutcome {
        match self {
            Self::Go | Self::Collect(_) | Self::Stream(_) => CallOutcome::Proceed,
            Self::Answer(_) => CallOutcome::Respond,
        }
    }
}
