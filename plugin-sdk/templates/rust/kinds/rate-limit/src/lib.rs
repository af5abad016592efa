//! Lets each address make so many requests in a window of time.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Input, InputList, Inputs, JsonSchema, Plugin, Proceed,
    RequestHead, RequestVerdict, Setup, Slot, counters, schemars,
};

/// What the operator says. The Admin API checks it against the schema that is made from this type:
/// docs become descriptions, serde's defaults become defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Requests of one address in one window.
    #[schemars(range(min = 1))]
    limit: u64,
    /// Length of a window, in milliseconds.
    #[serde(default = "a_minute")]
    #[schemars(range(min = 1))]
    window_ms: u64,
}

fn a_minute() -> u64 {
    60_000
}

/// The plugin, configured for one assignment.
pub struct Limit {
    config: Config,
    address: Slot,
}

impl Plugin for Limit {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(900)
            .needs(Capability::local_counters("to count requests"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let address = inputs.want(Input::ClientIp);
        Ok((Self { config, address }, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for Limit {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let address = inputs.text(self.address).unwrap_or_default();
        let take = counters::fixed_window(address, self.config.limit, self.config.window_ms, 1);
        if take.allowed {
            let remaining = take.remaining.to_string();
            return Ok(Proceed::new().set_response_header("x-limit-remaining", remaining).into());
        }
        let answer = Answer::new(429).message("Too many requests").reason("limited");
        Ok(answer.header("retry-after", take.reset_ms.div_ceil(1000).to_string()).into())
    }
}

weir_plugin_sdk::export!(Limit: request_head);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::testing::{Host, Request, Tester};

    use super::*;

    #[test]
    fn the_third_of_two_is_refused() {
        Host::new().install();
        let mut tester = Tester::<Limit>::new(&json!({ "limit": 2 })).unwrap();
        let outcome = tester.request_head(&Request::get("/"));
        assert_eq!(outcome.response_headers.get("x-limit-remaining"), Some("1"));
        tester.request_head(&Request::get("/"));
        assert_eq!(tester.request_head(&Request::get("/")).answer().status, 429);
    }
}
