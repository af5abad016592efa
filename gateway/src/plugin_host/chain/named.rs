//! Whom a plugin that authenticates says the caller is.

use std::sync::Arc;

use uuid::Uuid;

use crate::exchange::{ConsumerFacts, Exchange, Identity};
use crate::plugin_host::bindings::weir::plugin::types as wit;
use crate::plugin_host::{Assignment, CallFailure};

/// An identity of a verdict that has passed every check but one: whether there is such a consumer.
#[derive(Clone)]
pub(super) struct Named {
    identity: Identity,
    /// A consumer that the guest was not told about in this call.
    stranger: Option<Uuid>,
}

impl Named {
    /// Reads whom a verdict names: only a plugin that authenticates may name anybody.
    ///
    /// # Errors
    ///
    /// [`CallFailure::BadAnswer`].
    pub(super) fn read(
        assignment: &Assignment,
        said: wit::Identity,
        told: &[Arc<ConsumerFacts>],
    ) -> Result<Self, CallFailure> {
        let wit::Identity { consumer, credential, groups, claims_json: _, anonymous } = said;
        if !assignment.core.plugin.info.authenticates {
            let words = "it says who the caller is, but does not authenticate";
            return Err(CallFailure::BadAnswer(words.into()));
        }
        let id = consumer.map(|id| id.parse::<Uuid>()).transpose().map_err(|_| unknown())?;
        let known = id.and_then(|id| told.iter().find(|facts| facts.id == id)).cloned();
        let stranger = id.filter(|_| known.is_none());
        Ok(Self { identity: Identity { consumer: known, credential, groups, anonymous }, stranger })
    }

    /// Whether it has yet to be introduced.
    pub(super) fn is_stranger(&self) -> bool {
        self.stranger.is_some()
    }

    /// Finds a consumer that the guest knows from elsewhere.
    ///
    /// # Errors
    ///
    /// [`CallFailure::BadAnswer`] if there is none, [`CallFailure::Failed`] if nobody can say.
    pub(super) async fn be_introduced(&mut self, assignment: &Assignment) -> Result<(), CallFailure> {
        if let Some(id) = self.stranger.take() {
            // Boxed, because it is rare: it shall not make every request's future larger.
            self.identity.consumer = Some(Box::pin(introduce(assignment, id)).await?);
        }
        Ok(())
    }

    /// The rest of the exchange is this caller's.
    pub(super) fn take_effect(self, exchange: &mut Exchange) {
        self.identity.announce(&mut exchange.request.headers);
        exchange.identity = Some(self.identity);
    }
}

async fn introduce(assignment: &Assignment, id: Uuid) -> Result<Arc<ConsumerFacts>, CallFailure> {
    let found = assignment.core.services.deps.directory.find_consumer(&id.to_string()).await;
    let failed = |message| CallFailure::Failed { message, retryable: true };
    found.map_err(failed)?.ok_or_else(unknown)
}

fn unknown() -> CallFailure {
    CallFailure::BadAnswer("it names a consumer that there is not".into())
}
