//! Writes a line for each exchange, after it has ended.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, Capability, ConfigProblem, Failure, Input, InputList, JsonSchema, Log, LogEntry, Plugin, Setup, Slot,
    logging, schemars,
};

/// What the operator says. The Admin API checks it against the schema that is made from this type:
/// docs become descriptions, serde's defaults become defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What each line says.
    #[serde(default = "exchange")]
    message: String,
}

fn exchange() -> String {
    "exchange".into()
}

/// The plugin, configured for one assignment.
pub struct Line {
    message: String,
    method: Slot,
    path: Slot,
    status: Slot,
}

impl Plugin for Line {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(10)
            .needs(Capability::logging("to write a line for each exchange"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let plugin = Self {
            message: config.message,
            method: inputs.want(Input::Method),
            path: inputs.want(Input::Path),
            status: inputs.want(Input::ResponseStatus),
        };
        Ok((plugin, Setup::new().log(inputs)))
    }
}

impl Log for Line {
    fn on_log(&mut self, entries: &[LogEntry]) -> Result<(), Failure> {
        for entry in entries {
            let inputs = entry.inputs();
            let status = inputs.number(self.status).unwrap_or_default().to_string();
            let fields = [
                ("method", inputs.text(self.method).unwrap_or_default()),
                ("path", inputs.text(self.path).unwrap_or_default()),
                ("status", &status),
            ];
            logging::info(&self.message, &fields);
        }
        Ok(())
    }
}

weir_plugin_sdk::export!(Line: log);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::testing::{Host, Request, Response, Tester};

    use super::*;

    #[test]
    fn one_line_for_each_exchange() {
        Host::new().install();
        let mut tester = Tester::<Line>::new(&json!({})).unwrap();
        tester.log(&[(Request::get("/a"), Response::new(200)), (Request::get("/b"), Response::new(404))]).unwrap();
        assert_eq!(Host::log_lines().len(), 2);
    }
}
