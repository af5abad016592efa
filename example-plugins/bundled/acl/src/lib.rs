//! Kong's `acl`: lets callers in or keeps them out by the groups that they are in.
//!
//! The gateway answers one list of groups: those that the authentication plugin named, or else those of the
//! consumer's `acls`. Three of Kong's distinctions cannot be made by it. Groups that were named always go before
//! those of the consumer, in Kong only for an anonymous one and with `always_use_authenticated_groups`; here that
//! field chooses the header alone. A list that was named and is empty counts as none. And the groups of an anonymous
//! consumer are told in the header of consumers even if they were named.

mod config;

#[cfg(test)]
mod tests;

pub use config::Config;

use weir_plugin_sdk::{
    About, Answer, ConfigProblem, Failure, Input, InputList, Inputs, Phase, Plugin, Proceed, Repeatable,
    RequestHead, RequestVerdict, Setup, Slot, exchange,
};

use config::List;

const OF_CONSUMER: &str = "x-consumer-groups";
const NAMED: &str = "x-authenticated-groups";

/// The plugin, configured for one assignment.
pub struct Acl {
    list: List,
    consumer: Slot,
    credential: Slot,
    hides: bool,
    always_named: bool,
}

impl Plugin for Acl {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(950)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let plugin = Self {
            consumer: inputs.want(Input::ConsumerId),
            credential: inputs.want(Input::CredentialId),
            hides: config.hide_groups_header,
            always_named: config.always_use_authenticated_groups,
            list: List::of(config),
        };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for Acl {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let groups = exchange::groups();
        let is_consumer = inputs.is_present(self.consumer);
        // A list to deny by does not let everybody in: who is unknown may be in any group.
        if groups.is_empty() && (!is_consumer || self.list.is_to_allow()) {
            return Ok(refusal(inputs.is_present(self.credential)).into());
        }
        if !self.list.admits(&groups) {
            return Ok(refusal(true).into());
        }
        Ok(self.announced(&groups, is_consumer).into())
    }
}

impl Repeatable for Acl {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(Acl: repeatable, request_head);

impl Acl {
    /// Lets the caller in. Nobody but this plugin tells the upstream the groups of a consumer, so what else stands
    /// under that name is the caller's invention. An authentication plugin may have written the other header.
    fn announced(&self, groups: &[String], is_consumer: bool) -> Proceed {
        let name = if is_consumer && !self.always_named { OF_CONSUMER } else { NAMED };
        let proceed = Proceed::new().without_response().remove_header(OF_CONSUMER);
        if self.hides {
            return proceed;
        }
        let value = groups.join(", ");
        // A name that no header can have may come from an identity provider; a request must not fail by it.
        if value.contains(|character: char| character.is_ascii_control()) {
            return proceed.remove_header(name);
        }
        proceed.set_header(name, value)
    }
}

/// Who has shown a credential is known well enough to be told that it does not suffice.
fn refusal(is_known: bool) -> Answer {
    if is_known {
        Answer::new(403).message("You cannot consume this service").reason("not-in-group")
    } else {
        Answer::new(401).message("Unauthorized").reason("no-groups")
    }
}
