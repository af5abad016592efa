//! What is left of a call.

use std::sync::Arc;

use crate::exchange::{ConsumerFacts, Exchange};
use crate::plugin_host::CallFailure;
use crate::plugin_host::guest::{Instance, Outcome};
use crate::plugin_host::repeats::Basis;

/// A call that has come to its end.
pub(crate) struct Called {
    pub(crate) exchange: Option<Box<Exchange>>,
    pub(crate) answer: Result<Outcome, CallFailure>,
    /// Consumers that the guest was told about.
    pub(crate) told: Vec<Arc<ConsumerFacts>>,
    /// What the answer rests on.
    pub(crate) basis: Basis,
    /// It was broken off because it has to wait, and should be made on a fiber.
    pub(crate) waits: bool,
    /// The instance, if the plugin wants the chunks of the body that follows.
    pub(crate) kept: Option<Instance>,
}

impl Called {
    /// A call that did not take place.
    pub(super) fn refused(exchange: Box<Exchange>, failure: CallFailure) -> Self {
        Self {
            exchange: Some(exchange),
            answer: Err(failure),
            told: Vec::new(),
            basis: Basis::More,
            waits: false,
            kept: None,
        }
    }
}
