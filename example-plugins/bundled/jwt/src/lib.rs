//! Kong's `jwt`: lets requests in whose token was signed with the key of a credential, and says whose it is.
//!
//! A token is checked with the one algorithm that its credential names, so that it cannot choose a weaker one.

mod algorithm;
mod claims;
mod config;
mod pem;
mod places;
mod refusal;
mod token;

#[cfg(test)]
mod tests;

pub use config::{Claim, Config};

use weir_plugin_sdk::auth::{self, Credential, Gate};
use weir_plugin_sdk::{
    About, Capability, ConfigProblem, Failure, InputList, Inputs, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup,
};

use algorithm::Verifier;
use claims::Rules;
use places::Places;
use refusal::{Refusal, Stop};
use token::Token;

const KIND: &str = "jwt_secrets";

/// The plugin, configured for one assignment.
pub struct Jwt {
    gate: Gate,
    places: Places,
    key_claim: String,
    verifier: Verifier,
    rules: Rules,
    challenge: String,
}

impl Plugin for Jwt {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(1450)
            .needs(Capability::logging("to say that the anonymous consumer is not there"))
            .authenticates()
            .needs(Capability::credentials("to find out whose key signed a token", &[KIND]))
            .needs(Capability::crypto("to check signatures"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let gate = Gate::new(config.anonymous.clone(), &mut inputs);
        let plugin = Self {
            gate: if config.run_on_preflight { gate } else { gate.open_to_preflight(&mut inputs) },
            places: Places::of(&config, &mut inputs),
            verifier: Verifier::new(config.secret_is_base64),
            rules: Rules::of(&config),
            challenge: auth::challenge("Bearer", config.realm.as_deref()),
            key_claim: config.key_claim_name.unwrap_or_else(|| "iss".into()),
        };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for Jwt {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        if self.gate.is_open(inputs) {
            return Ok(Proceed::new().into());
        }
        let proceed = Proceed::new().without_response();
        match self.identify(inputs) {
            Ok(credential) => Ok(credential.let_in_by("key", proceed).into()),
            Err(Stop::Refused(refusal)) => self.gate.turn_away(refusal.answer(&self.challenge), proceed),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }
}

weir_plugin_sdk::export!(Jwt: request_head);

impl Jwt {
    /// The credential whose owner has signed the token.
    fn identify(&mut self, inputs: &Inputs) -> Result<Credential, Stop> {
        let token = Token::read(self.places.token(inputs)?)?;
        let name = &self.key_claim;
        let credential = auth::look_up(KIND, token.key(name)?)?
            .ok_or_else(|| Refusal::new(format!("No credentials found for given '{name}'"), "unknown-key"))?;
        self.verifier.check(&token, &credential)?;
        self.rules.check(&token.claims)?;
        Ok(credential)
    }
}
