//! Kong's `basic-auth`: lets requests in that carry a known username and its password, and says whose they are.
//!
//! `Proxy-Authorization` is looked at first, then `Authorization`, the second only if the first names nobody
//! who is known.

mod config;
mod login;

#[cfg(test)]
mod tests;

pub use config::Config;

use weir_plugin_sdk::auth::{self, Credential, Gate};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Input, InputList, Inputs, Plugin, Proceed,
    RequestHead, RequestVerdict, Setup, Slot,
};

use login::Login;

const KIND: &str = "basicauth_credentials";
/// Where a login may be, in the order in which it is looked for.
const HEADERS: [&str; 2] = ["proxy-authorization", "authorization"];

/// The plugin, configured for one assignment.
pub struct BasicAuth {
    places: [(&'static str, Slot); 2],
    gate: Gate,
    hides: bool,
    challenge: String,
}

/// What one header led to. The reasons are for the log; callers are all told the same.
enum Attempt {
    Owner(Credential),
    /// The other header may hold something better.
    Unknown,
    Refused(&'static str),
}

impl Plugin for BasicAuth {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(1100)
            .needs(Capability::logging("to say that the anonymous consumer is not there"))
            .authenticates()
            .needs(Capability::credentials("to find out whose username it is", &[KIND]))
            .needs(Capability::crypto("to compare passwords, of which only hashes are kept"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let plugin = Self {
            places: HEADERS.map(|name| (name, inputs.want(Input::Header(name.into())))),
            gate: Gate::new(config.anonymous, &mut inputs),
            hides: config.hide_credentials,
            challenge: auth::challenge("Basic", Some(&config.realm)),
        };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for BasicAuth {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        if self.gate.is_open(inputs) {
            return Ok(Proceed::new().into());
        }
        let mut proceed = Proceed::new().without_response();
        let mut reason = "no-credentials";
        for (name, slot) in self.places.iter().filter(|(_, slot)| inputs.is_present(*slot)) {
            if self.hides {
                proceed = proceed.remove_header(*name);
            }
            match attempt(inputs, *slot)? {
                Attempt::Owner(credential) => return Ok(credential.let_in_by("username", proceed).into()),
                Attempt::Unknown => reason = "unknown-credentials",
                Attempt::Refused(why) => {
                    reason = why;
                    break;
                }
            }
        }
        let answer = Answer::new(401).message("Unauthorized").reason(reason);
        self.gate.turn_away(answer.header("www-authenticate", self.challenge.as_str()), proceed)
    }
}

weir_plugin_sdk::export!(BasicAuth: request_head);

fn attempt(inputs: &Inputs, slot: Slot) -> Result<Attempt, Failure> {
    if inputs.all(slot).nth(1).is_some() {
        // Others who read this request may take another one than we.
        return Ok(Attempt::Refused("duplicate-credentials"));
    }
    let Some(login) = inputs.text(slot).and_then(Login::read) else {
        return Ok(Attempt::Unknown);
    };
    let Some(credential) = auth::look_up(KIND, &login.username)? else {
        return Ok(Attempt::Unknown);
    };
    let is_owner = login.is_for(credential.consumer(), credential.text("password"));
    Ok(if is_owner { Attempt::Owner(credential) } else { Attempt::Refused("wrong-password") })
}
