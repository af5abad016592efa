//! Sets a header on requests and one on responses.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Failure, Input, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup, Slot, schemars,
};

/// What the operator says. The Admin API checks it against the schema that is made from this type:
/// docs become descriptions, serde's defaults become defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the upstream reads in `x-greeting`.
    #[serde(default = "hello")]
    greeting: String,
}

fn hello() -> String {
    "hello".into()
}

/// The plugin, configured for one assignment.
pub struct Greet {
    greeting: String,
    path: Slot,
}

impl Plugin for Greet {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(700)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        // What a schema cannot say is checked here; the pointer tells the operator where to look.
        if config.greeting.contains(['\r', '\n']) {
            return Err(vec![ConfigProblem::new("/greeting", "must be one line")]);
        }
        let mut inputs = InputList::new();
        let path = inputs.want(Input::Path);
        Ok((Self { greeting: config.greeting, path }, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for Greet {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let path = inputs.text(self.path).unwrap_or("/");
        Ok(Proceed::new()
            .set_header("x-greeting", self.greeting.as_str())
            .set_response_header("x-{{name}}", path)
            .into())
    }
}

weir_plugin_sdk::export!(Greet: request_head);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::testing::{Request, Tester};

    use super::*;

    #[test]
    fn greets_the_upstream() {
        let mut tester = Tester::<Greet>::new(&json!({ "greeting": "good day" })).unwrap();
        let outcome = tester.request_head(&Request::get("/things"));
        assert_eq!(outcome.headers.get("x-greeting"), Some("good day"));
        assert_eq!(outcome.response_headers.get("x-{{name}}"), Some("/things"));
    }
}
