//! A plugin that is asked before there is a route: it sends requests elsewhere, or answers them.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, Answer, BeforeRouting, ConfigProblem, Failure, Input, InputList, Inputs, JsonSchema, Plugin,
    ProceedToRoute, RoutingVerdict, Setup, Slot, schemars,
};

/// What the operator says.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// Requests for this path...
    from: String,
    /// ...are routed as if they were for this one.
    to: String,
}

/// The plugin, configured for one assignment.
pub struct Detour {
    config: Config,
    path: Slot,
    closed: Slot,
}

impl Plugin for Detour {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let path = inputs.want(Input::Path);
        let closed = inputs.want(Input::Header("x-closed".into()));
        Ok((Self { config, path, closed }, Setup::new().before_routing(inputs)))
    }
}

impl BeforeRouting for Detour {
    fn on_before_routing(&mut self, inputs: &Inputs) -> Result<RoutingVerdict, Failure> {
        if inputs.is_present(self.closed) {
            return Ok(Answer::new(451).message("Closed").into());
        }
        if inputs.text(self.path) != Some(self.config.from.as_str()) {
            return Ok(ProceedToRoute::new().into());
        }
        let to = self.config.to.clone();
        Ok(ProceedToRoute::new().change(|change| change.path = Some(to)).set_header("x-detour", "1").into())
    }
}

weir_plugin_sdk::export!(Detour: before_routing);
