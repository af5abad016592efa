//! Lets requests in that carry a known token, in the name of the consumer that it belongs to.

use std::collections::BTreeMap;

use serde::Deserialize;
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Identity, Input, InputList, Inputs, JsonSchema,
    Plugin, Proceed, RequestHead, RequestVerdict, Setup, Slot, Value, credentials, schemars,
};

/// What the operator says in an assignment.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The request header that carries the token.
    #[serde(default = "default_header")]
    #[schemars(pattern(r"^[a-z0-9!#$%&'*+.^_`|~-]+$"))]
    header: String,
    /// The username of the consumer that each token stands for.
    tokens: BTreeMap<String, String>,
}

fn default_header() -> String {
    "x-token".into()
}

/// The plugin, configured for one assignment.
pub struct TokenAuth {
    config: Config,
    token: Slot,
}

impl Plugin for TokenAuth {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(1200)
            .authenticates()
            .needs(Capability::credentials("to find the consumer that a token belongs to", &[]))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let token = inputs.want(Input::RequestHeader(config.header.clone()));
        Ok((Self { config, token }, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for TokenAuth {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        if !inputs.is_present(self.token) {
            return Ok(refuse("No token found in request", "no-token"));
        }
        let Some(username) = self.username(inputs) else {
            return Ok(refuse("Invalid token", "invalid-token"));
        };
        let consumer = credentials::find_consumer(username)
            .map_err(|error| Failure::retryable(format!("the consumer cannot be looked up: {error}")))?;
        let Some(consumer) = consumer else {
            return Ok(Answer::new(403).message("Unknown consumer").reason("unknown-consumer").into());
        };
        let identity = Identity {
            consumer: Some(consumer.id),
            credential: None,
            groups: Vec::new(),
            claims_json: None,
            anonymous: false,
        };
        Ok(Proceed::new().remove_header(self.config.header.as_str()).identity(identity).into())
    }
}

impl TokenAuth {
    /// Whose token it is. One that came several times is nobody's.
    fn username(&self, inputs: &Inputs) -> Option<&str> {
        if matches!(inputs.get(self.token), Value::Headers(_)) {
            return None;
        }
        self.config.tokens.get(inputs.text(self.token)?).map(String::as_str)
    }
}

fn refuse(message: &str, reason: &str) -> RequestVerdict {
    Answer::new(401).message(message).header("www-authenticate", "Token").reason(reason).into()
}

weir_plugin_sdk::export!(TokenAuth: request_head);
