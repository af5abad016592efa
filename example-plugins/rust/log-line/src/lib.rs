//! Writes a line to the gateway's log for each exchange.

use serde::Deserialize;
use serde_json::json;
use weir_plugin_sdk::{
    About, Capability, ConfigProblem, Failure, Input, InputList, JsonSchema, Log, LogBatch, LogEntry, Plugin,
    Setup, Slot, logging, schemars,
};

/// What the operator says in an assignment.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The message of each line.
    #[serde(default = "default_message")]
    message: String,
}

fn default_message() -> String {
    "exchange".into()
}

/// The plugin, configured for one assignment.
pub struct LogLine {
    message: String,
    method: Slot,
    path: Slot,
    status: Slot,
    request_id: Slot,
}

impl Plugin for LogLine {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(10)
            .needs(Capability::new("logging", "to write the lines", &json!({})))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let plugin = Self {
            message: config.message,
            method: inputs.want(Input::Method),
            path: inputs.want(Input::Path),
            status: inputs.want(Input::ResponseStatus),
            request_id: inputs.want(Input::RequestId),
        };
        let batch = LogBatch {
            max_entries: 10,
            max_delay_ms: 50,
            max_queued: 1000,
            max_queued_bytes: None,
            max_retry_ms: 0,
            initial_retry_delay_ms: 10,
            max_retry_delay_ms: 1000,
        };
        Ok((plugin, Setup::new().log(inputs).log_batch(batch)))
    }
}

impl Log for LogLine {
    fn on_log(&mut self, entries: &[LogEntry]) -> Result<(), Failure> {
        for entry in entries {
            let inputs = entry.inputs();
            let status = inputs.number(self.status).unwrap_or_default().to_string();
            let fields = [
                ("method", inputs.text(self.method).unwrap_or_default()),
                ("path", inputs.text(self.path).unwrap_or_default()),
                ("status", status.as_str()),
                ("request_id", inputs.text(self.request_id).unwrap_or_default()),
            ];
            logging::info(&self.message, &fields);
        }
        Ok(())
    }
}

weir_plugin_sdk::export!(LogLine: log);
