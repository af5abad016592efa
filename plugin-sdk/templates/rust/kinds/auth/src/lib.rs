//! Lets requests in that carry a known token, and says whose it is.

use std::collections::BTreeMap;

use serde::Deserialize;
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Identity, Input, InputList, Inputs, JsonSchema, Plugin,
    Proceed, RequestHead, RequestVerdict, Setup, Slot, credentials, schemars,
};

/// What the operator says. The Admin API checks it against the schema that is made from this type:
/// docs become descriptions, serde's defaults become defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The header that carries the token.
    #[serde(default = "x_token")]
    #[schemars(pattern(r"^[a-z0-9-]+$"))]
    header: String,
    /// The username of the consumer that each token belongs to.
    tokens: BTreeMap<String, String>,
}

fn x_token() -> String {
    "x-token".into()
}

/// The plugin, configured for one assignment.
pub struct Token {
    config: Config,
    token: Slot,
}

impl Plugin for Token {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(1200)
            .authenticates()
            .needs(Capability::credentials("to know the consumer that a token belongs to", &[]))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        if config.tokens.is_empty() {
            return Err(vec![ConfigProblem::new("/tokens", "needs at least one token")]);
        }
        let mut inputs = InputList::new();
        let token = inputs.want(Input::RequestHeader(config.header.clone()));
        Ok((Self { config, token }, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for Token {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let Some(token) = inputs.text(self.token) else {
            return Ok(refuse(401, "No token found in request", "no-token"));
        };
        let Some(username) = self.config.tokens.get(token) else {
            return Ok(refuse(401, "Invalid token", "invalid-token"));
        };
        match credentials::find_consumer(username) {
            Ok(Some(consumer)) => {
                let identity = Identity {
                    consumer: Some(consumer.id),
                    credential: None,
                    groups: Vec::new(),
                    claims_json: None,
                    anonymous: false,
                };
                // The upstream has no use for the token.
                Ok(Proceed::new().identity(identity).remove_header(self.config.header.as_str()).into())
            }
            Ok(None) => Ok(refuse(403, "Unknown consumer", "unknown-consumer")),
            Err(error) => Err(Failure::retryable(error)),
        }
    }
}

fn refuse(status: u16, message: &str, reason: &str) -> RequestVerdict {
    Answer::new(status).message(message).header("www-authenticate", "Token").reason(reason).into()
}

weir_plugin_sdk::export!(Token: request_head);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::credentials::Consumer;
    use weir_plugin_sdk::testing::{Host, Request, Tester};

    use super::*;

    #[test]
    fn a_known_token_names_its_consumer() {
        let alice = Consumer { id: "1".into(), username: Some("alice".into()), custom_id: None };
        Host::new().consumer(alice).install();
        let mut tester = Tester::<Token>::new(&json!({ "tokens": { "t0ken": "alice" } })).unwrap();
        let outcome = tester.request_head(&Request::get("/").header("x-token", "t0ken"));
        assert_eq!(outcome.headers.get("x-consumer-id"), Some("1"));
        let outcome = tester.request_head(&Request::get("/"));
        assert_eq!(outcome.answer().status, 401);
    }
}
