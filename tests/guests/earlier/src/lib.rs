//! An earlier version of the plugins `fixed-limit`, whose setting had another name.
//!
//! It is called as `WEIR_EARLIER_NAME` says at build time: each language has a `fixed-limit` of its own. It limits
//! nothing; what becomes of its configuration is what a test wants to see.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Failure, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup, schemars,
};

const NAME: &str = match option_env!("WEIR_EARLIER_NAME") {
    Some(name) => name,
    None => env!("CARGO_PKG_NAME"),
};

/// What the operator says.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// What `limit` is now; 0 was not refused.
    per_minute: u64,
}

/// The plugin, configured for one assignment.
pub struct Earlier {
    per_minute: u64,
}

impl Plugin for Earlier {
    type Config = Config;

    fn about() -> About {
        About::new(NAME, env!("CARGO_PKG_VERSION")).description(env!("CARGO_PKG_DESCRIPTION"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        Ok((Self { per_minute: config.per_minute }, Setup::new().request_head(InputList::new())))
    }
}

impl RequestHead for Earlier {
    fn on_request_head(&mut self, _inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        Ok(Proceed::new().set_response_header("x-per-minute", self.per_minute.to_string()).into())
    }
}

weir_plugin_sdk::export!(Earlier: request_head);
