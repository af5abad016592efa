//! Limits how many requests one client address may make in a window of time.

use serde::Deserialize;
use serde_json::{Value, json};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigMigration, ConfigProblem, Failure, Input, InputList, Inputs, JsonSchema,
    Plugin, Proceed, RequestHead, RequestVerdict, Setup, Slot, counters, schemars,
};

/// What the operator says in an assignment.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// Requests that one client address may make in a window.
    #[schemars(range(min = 1))]
    limit: u64,
    /// The length of a window in milliseconds.
    #[serde(default = "a_minute")]
    #[schemars(range(min = 1))]
    window_ms: u64,
}

fn a_minute() -> u64 {
    60_000
}

/// The plugin, configured for one assignment.
pub struct FixedLimit {
    config: Config,
    client: Slot,
}

impl Plugin for FixedLimit {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(900)
            .needs(Capability::local_counters("to count requests"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let client = inputs.want(Input::ClientIp);
        Ok((Self { config, client }, Setup::new().request_head(inputs)))
    }
}

/// Versions before 0.1 had `per_minute` and no other window.
impl ConfigMigration for FixedLimit {
    fn migrate(from_version: &str, config: Value) -> Result<Value, String> {
        match config.get("per_minute").and_then(Value::as_u64) {
            Some(limit) if limit > 0 => Ok(json!({ "limit": limit, "window_ms": a_minute() })),
            _ => Err(format!("version {from_version} let nothing through")),
        }
    }
}

impl RequestHead for FixedLimit {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let client = inputs.text(self.client).unwrap_or_default();
        let take = counters::fixed_window(client, self.config.limit, self.config.window_ms, 1);
        if take.allowed {
            return Ok(Proceed::new()
                .set_response_header("x-limit-remaining", take.remaining.to_string())
                .into());
        }
        let seconds = take.reset_ms.div_ceil(1000).to_string();
        let answer = Answer::new(429).message("Too many requests").header("retry-after", seconds);
        Ok(answer.reason("limited").into())
    }
}

weir_plugin_sdk::export!(FixedLimit: request_head, config_migration);
