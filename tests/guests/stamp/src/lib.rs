//! A plugin that puts its assignment and its version on each response, so that a test sees both.
//!
//! The version comes from `WEIR_STAMP_VERSION` at build time: one crate, as many versions as a test
//! needs. With `WEIR_STAMP_BREAKS` it breaks off when it is configured. Not an example for authors, whose version is that of their crate.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Failure, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup, schemars,
};

const VERSION: &str = match option_env!("WEIR_STAMP_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// What the operator says.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// What tells one assignment from the others.
    mark: String,
}

/// The plugin, configured for one assignment.
pub struct Stamp {
    text: String,
}

impl Plugin for Stamp {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), VERSION).description(env!("CARGO_PKG_DESCRIPTION"))
    }

    #[expect(clippy::panic, reason = "what a broken version does")]
    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        if option_env!("WEIR_STAMP_BREAKS").is_some() {
            panic!("on order");
        }
        let text = format!("{} {VERSION}", config.mark);
        Ok((Self { text }, Setup::new().request_head(InputList::new())))
    }
}

impl RequestHead for Stamp {
    fn on_request_head(&mut self, _inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        Ok(Proceed::new().set_response_header("x-stamp", self.text.as_str()).into())
    }
}

weir_plugin_sdk::export!(Stamp: request_head);
