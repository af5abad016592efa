//! What a call of a plugin is measured with: three inputs, and three edits that are made of them.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Failure, Input, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup, Slot, schemars,
};

/// There is nothing to say.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {}

/// Where the inputs are.
pub struct ThreeEdits {
    method: Slot,
    path: Slot,
    accept: Slot,
}

impl Plugin for ThreeEdits {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
    }

    fn configure(_: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let method = inputs.want(Input::Method);
        let path = inputs.want(Input::Path);
        let accept = inputs.want(Input::Header("accept".into()));
        Ok((Self { method, path, accept }, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for ThreeEdits {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let text = |slot| inputs.text(slot).unwrap_or_default();
        let proceed = Proceed::new().set_header("x-method", text(self.method));
        let proceed = proceed.set_header("x-path", text(self.path));
        Ok(proceed.set_header("x-accept", text(self.accept)).into())
    }
}

weir_plugin_sdk::export!(ThreeEdits: request_head);
