//! A verdict on the head of a request that has passed every check, and what it does.

use std::sync::Arc;

use super::named::Named;
use super::next::Next;
use super::run::SlotRun;
use crate::exchange::{self, ConsumerFacts, Exchange, HeaderEdit, LocalAnswer, TargetChange};
use crate::plugin_host::bindings::weir::plugin::types::BodyMode;
use crate::plugin_host::guest::verdict::RequestHead;
use crate::plugin_host::guest::{Instance, Outcome, RequestVerdict};
use crate::plugin_host::{Assignment, CallFailure, Direction, verify};

/// A verdict that has passed every check.
#[derive(Clone)]
pub(crate) enum Checked {
    Proceed(Proceed),
    Respond(Box<LocalAnswer>),
}

/// The request goes on.
#[derive(Clone)]
pub(crate) struct Proceed {
    edits: Vec<HeaderEdit>,
    response_edits: Vec<HeaderEdit>,
    target: Option<Box<TargetChange>>,
    named: Option<Named>,
    response: bool,
    carry: Option<Vec<u8>>,
    body: BodyMode,
}

impl Checked {
    /// Checks a verdict whole; nothing is applied yet.
    ///
    /// # Errors
    ///
    /// [`CallFailure::BadAnswer`].
    pub(super) fn read(
        assignment: &Assignment,
        outcome: Outcome,
        told: &[Arc<ConsumerFacts>],
    ) -> Result<Self, CallFailure> {
        let Outcome::RequestHead(verdict) = outcome else {
            return Err(CallFailure::BadAnswer("another phase's".into()));
        };
        let RequestHead { edits, target, identity, body, response, response_edits, carry } = match verdict {
            RequestVerdict::Proceed(proceed) => proceed,
            RequestVerdict::Respond(said) => {
                let answer = verify::answer(*said.0).map_err(CallFailure::BadAnswer)?;
                return Ok(Self::Respond(Box::new(answer)));
            }
        };
        let carry = verify::carry(carry).map_err(CallFailure::BadAnswer)?;
        let target = target.map(|said| verify::target(*said.0).map(Box::new));
        let target = target.transpose().map_err(CallFailure::BadAnswer)?;
        let edits = verify::edits(edits).map_err(CallFailure::BadAnswer)?;
        let response_edits = verify::edits(response_edits).map_err(CallFailure::BadAnswer)?;
        let named = identity.map(|said| Named::read(assignment, *said.0, told)).transpose()?;
        Ok(Self::Proceed(Proceed { edits, response_edits, target, named, response, carry, body }))
    }

    /// A consumer that it names and the guest was not told about in its call.
    pub(super) fn stranger(&mut self) -> Option<&mut Named> {
        match self {
            Self::Proceed(proceed) => proceed.named.as_mut().filter(|named| named.is_stranger()),
            Self::Respond(_) => None,
        }
    }

    /// Whether it can be given again: no instance has to be there for what follows.
    pub(super) fn stands_alone(&self) -> bool {
        match self {
            Self::Proceed(proceed) => !matches!(proceed.body, BodyMode::Stream),
            Self::Respond(_) => true,
        }
    }

    /// Roughly what it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Proceed(Proceed { edits, response_edits, target, carry, .. }) => {
                let edits: usize = edits.iter().chain(response_edits).map(HeaderEdit::bytes).sum();
                let carry = carry.as_ref().map_or(0, Vec::len);
                edits + target.as_deref().map_or(0, TargetChange::bytes) + carry + size_of::<Self>()
            }
            Self::Respond(answer) => answer.bytes(),
        }
    }

    /// Applies it, and says where the walk goes on.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] if it asks for a body that the plugin cannot have; nothing is applied then.
    pub(super) fn take_effect(
        self,
        kept: Option<Instance>,
        assignment: &Arc<Assignment>,
        (exchange, state): (&mut Exchange, &mut SlotRun),
    ) -> Result<Next, CallFailure> {
        match self {
            Self::Respond(answer) => Ok(Next::Answer(answer)),
            Self::Proceed(proceed) => {
                let next = Next::of(&proceed.body, kept, assignment, Direction::Request)?;
                proceed.apply(exchange, state);
                Ok(next)
            }
        }
    }
}

impl Proceed {
    fn apply(self, exchange: &mut Exchange, state: &mut SlotRun) {
        let Self { edits, response_edits, target, named, response, carry, body: _ } = self;
        if let Some(named) = named {
            named.take_effect(exchange);
        }
        // After the gateway's own headers about the caller: some plugins of Kong's tell another name of the credential.
        exchange::apply(edits, &mut exchange.request.headers);
        exchange.response_edits.extend(response_edits);
        if let Some(target) = target {
            exchange.target.take_over(*target);
        }
        state.skip_response = !response;
        state.carry = carry;
    }
}
