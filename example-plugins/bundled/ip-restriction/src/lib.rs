//! Kong's `ip-restriction`: lets requests in or keeps them out by the address of the client.
//!
//! Who is denied stays out, allowed or not. An IPv4 address that is written as an IPv6 one is the IPv4 address.
//! Connections that are no HTTP never reach a plugin, so there nobody is kept out, whatever `protocols` says.

mod config;
mod networks;

#[cfg(test)]
mod tests;

pub use config::Config;

use std::net::IpAddr;

use weir_plugin_sdk::{
    About, Answer, ConfigProblem, Failure, Input, InputList, Inputs, Phase, Plugin, Proceed, Repeatable,
    RequestHead, RequestVerdict, Setup, Slot,
};

use networks::Networks;

const NO_ADDRESS: &str = "Cannot identify the client IP address, unix domain sockets are not supported.";

/// The plugin, configured for one assignment.
pub struct IpRestriction {
    allow: Networks,
    deny: Networks,
    status: u16,
    message: Option<String>,
    client: Slot,
}

impl Plugin for IpRestriction {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(990)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let (status, allow, deny) = config.read()?;
        let mut inputs = InputList::new();
        let client = inputs.want(Input::ClientIp);
        let plugin = Self { allow, deny, status, message: config.message, client };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for IpRestriction {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let Some(client) = inputs.text(self.client).and_then(|text| text.parse().ok()) else {
            return Ok(Answer::new(403).message(NO_ADDRESS).reason("no-address").into());
        };
        if self.lets_in(client) {
            return Ok(Proceed::new().into());
        }
        let own = || format!("IP address not allowed: {client}");
        let message = self.message.clone().unwrap_or_else(own);
        Ok(Answer::new(self.status).message(message).reason("address-not-allowed").into())
    }
}

impl Repeatable for IpRestriction {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(IpRestriction: repeatable, request_head);

impl IpRestriction {
    fn lets_in(&self, client: IpAddr) -> bool {
        !self.deny.contain(client) && (self.allow.is_empty() || self.allow.contain(client))
    }
}
