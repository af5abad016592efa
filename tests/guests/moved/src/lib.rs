//! A later version of the plugin `stamp` that calls its setting by another name, and takes over what
//! was written for the version before. With the label `broken` it breaks off with each request.

use serde::Deserialize;
use serde_json::{Value, json};
use weir_plugin_sdk::{
    About, ConfigMigration, ConfigProblem, Failure, InputList, Inputs, JsonSchema, Plugin, Proceed,
    RequestHead, RequestVerdict, Setup, schemars,
};

/// What the operator says.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// What `mark` was.
    label: String,
}

/// The plugin, configured for one assignment.
pub struct Moved {
    label: String,
}

impl Plugin for Moved {
    type Config = Config;

    fn about() -> About {
        About::new("stamp", env!("CARGO_PKG_VERSION")).description(env!("CARGO_PKG_DESCRIPTION"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        if config.label.is_empty() {
            return Err(vec![ConfigProblem::new("/label", "is empty")]);
        }
        Ok((Self { label: config.label }, Setup::new().request_head(InputList::new())))
    }
}

impl ConfigMigration for Moved {
    fn migrate(from_version: &str, config: Value) -> Result<Value, String> {
        match config.get("mark").and_then(Value::as_str) {
            Some(mark) => Ok(json!({ "label": mark })),
            None => Err(format!("version {from_version} had no mark")),
        }
    }
}

impl RequestHead for Moved {
    #[expect(clippy::panic, reason = "the point of this plugin")]
    fn on_request_head(&mut self, _inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        if self.label == "broken" {
            panic!("on order");
        }
        let text = format!("{} {}", self.label, env!("CARGO_PKG_VERSION"));
        Ok(Proceed::new().set_response_header("x-stamp", text).into())
    }
}

weir_plugin_sdk::export!(Moved: request_head, config_migration);
