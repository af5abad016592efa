//! A plugin that is called for trailers alone, and edits them.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Header, HeaderOp, JsonSchema, Plugin, RequestTrailers, ResponseTrailers, Setup,
    schemars,
};

/// What the operator says.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// This trailer goes out...
    name: String,
    /// ...with this value.
    value: String,
}

/// The plugin, configured for one assignment.
pub struct Trailing {
    config: Config,
}

impl Plugin for Trailing {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        Ok((Self { config }, Setup::new().request_trailers().response_trailers()))
    }
}

impl RequestTrailers for Trailing {
    fn on_request_trailers(&mut self, trailers: &[Header]) -> Vec<HeaderOp> {
        self.edits("request", trailers)
    }
}

impl ResponseTrailers for Trailing {
    fn on_response_trailers(&mut self, trailers: &[Header]) -> Vec<HeaderOp> {
        self.edits("response", trailers)
    }
}

impl Trailing {
    /// Sets the configured one, tells what came, and takes `x-old` away.
    fn edits(&self, of: &str, trailers: &[Header]) -> Vec<HeaderOp> {
        let names: Vec<_> = trailers.iter().map(|trailer| trailer.name.as_str()).collect();
        vec![
            HeaderOp::to_set(self.config.name.as_str(), self.config.value.as_str()),
            HeaderOp::to_set("x-came", format!("{of}: {}", names.join(" "))),
            HeaderOp::Remove("x-old".to_owned()),
        ]
    }
}

weir_plugin_sdk::export!(Trailing: request_trailers, response_trailers);
