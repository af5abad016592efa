//! The smallest useful plugin: adds a response header of the operator's choice.
//!
//! Copy this folder to begin a plugin of your own; `example-plugins/README.md` has the steps.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Failure, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup, schemars,
};

/// What the operator says in an assignment. The Admin API checks it against the schema that is
/// made from this type: docs become descriptions, serde's defaults become defaults.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// The name of the header.
    #[serde(default = "default_name")]
    #[schemars(length(min = 1), pattern(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"))]
    name: String,
    /// The value of the header.
    #[serde(default = "default_value")]
    value: String,
}

fn default_name() -> String {
    "x-header-edit".into()
}

fn default_value() -> String {
    concat!("header-edit ", env!("CARGO_PKG_VERSION")).into()
}

/// The plugin, configured for one assignment.
pub struct HeaderEdit {
    name: String,
    value: String,
}

impl Plugin for HeaderEdit {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(750)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        if config.value.contains(['\r', '\n', '\0']) {
            return Err(vec![ConfigProblem::new("/value", "must be one line")]);
        }
        // The contract wants header names in lower case; HTTP does not tell cases apart.
        let plugin = Self { name: config.name.to_ascii_lowercase(), value: config.value };
        Ok((plugin, Setup::new().request_head(InputList::new())))
    }
}

impl RequestHead for HeaderEdit {
    fn on_request_head(&mut self, _inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        // Edits to the response can be given here already, which spares a second call.
        Ok(Proceed::new().set_response_header(self.name.as_str(), self.value.as_str()).into())
    }
}

weir_plugin_sdk::export!(HeaderEdit: request_head);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::testing::{Request, Tester};

    use super::*;

    #[test]
    fn adds_the_configured_header() {
        let mut tester = Tester::<HeaderEdit>::new(&json!({ "name": "X-Team", "value": "blue" })).unwrap();
        let outcome = tester.request_head(&Request::get("/"));
        assert_eq!(outcome.response_headers.get("x-team"), Some("blue"));
    }

    #[test]
    fn refuses_a_value_that_would_split_the_response() {
        let problems = Tester::<HeaderEdit>::new(&json!({ "value": "a\r\nb" })).err().unwrap();
        assert_eq!(problems, [ConfigProblem::new("/value", "must be one line")]);
    }
}
