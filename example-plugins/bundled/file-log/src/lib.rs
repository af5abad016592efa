//! Kong's `file-log`: appends the record of each exchange to a file, one JSON object a line.
//!
//! `custom_fields_by_lua` is deliberately refused: there is no Lua here, and a record without the
//! fields that an operator relies on would be worse than a refusal.

use std::collections::BTreeMap;

use serde::Deserialize;
use weir_plugin_sdk::{
    About, Capability, ConfigProblem, Failure, Input, InputList, JsonSchema, Log, LogBatch, LogEntry, Plugin,
    Setup, Slot, log_file, schemars,
};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("x-protocols" = ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"]))]
pub struct Config {
    /// The file. It is created if it does not exist.
    #[schemars(pattern(r"^[^*&%\\`]+$"), extend("x-err" = "not a valid filename"))]
    path: String,
    /// Open the file anew for each write, so that a rotated file is followed at once.
    #[serde(default)]
    reopen: bool,
    /// Not supported: fields computed by Lua.
    #[serde(default)]
    custom_fields_by_lua: Option<BTreeMap<String, String>>,
}

/// The plugin, configured for one assignment.
pub struct FileLog {
    path: String,
    reopen: bool,
    record: Slot,
}

impl Plugin for FileLog {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(9)
            .needs(Capability::log_file("to write the records", &["$(config.path)"]))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        if config.custom_fields_by_lua.is_some_and(|fields| !fields.is_empty()) {
            return Err(vec![ConfigProblem::new(
                "/custom_fields_by_lua",
                "fields computed by Lua are not supported",
            )]);
        }
        let mut inputs = InputList::new();
        let record = inputs.want(Input::LogRecord);
        let setup = Setup::new().log(inputs).log_batch(LogBatch {
            max_entries: 256,
            // A line is in the file when somebody looks, and under load one write carries many.
            max_delay_ms: 10,
            max_queued: 10_000,
            max_queued_bytes: None,
            max_retry_ms: 0,
            initial_retry_delay_ms: 10,
            max_retry_delay_ms: 1_000,
        });
        Ok((Self { path: config.path, reopen: config.reopen, record }, setup))
    }
}

impl Log for FileLog {
    fn on_log(&mut self, entries: &[LogEntry]) -> Result<(), Failure> {
        let records = || entries.iter().filter_map(|entry| entry.inputs().bytes(self.record));
        let mut lines = Vec::with_capacity(records().map(|record| record.len() + 1).sum());
        for record in records() {
            lines.extend_from_slice(record);
            lines.push(b'\n');
        }
        log_file::append(&self.path, &lines, self.reopen).map_err(Failure::permanent)
    }
}

weir_plugin_sdk::export!(FileLog: log);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::Value;
    use weir_plugin_sdk::testing::{Host, Request, Response, Tester};

    use super::*;

    #[test]
    fn each_exchange_is_a_line() {
        Host::new().install();
        let exchange = |record: &str| {
            (Request::get("/").fact(&Input::LogRecord, Value::Text(record.into())), Response::new(200))
        };
        let mut tester = Tester::<FileLog>::new(&json!({"path": "/tmp/x.log"})).unwrap();
        assert_eq!(tester.log(&[exchange("{\"a\":1}"), exchange("{\"b\":2}")]), Ok(()));
        assert_eq!(tester.log(&[exchange("{}")]), Ok(()));
        assert_eq!(Host::file("/tmp/x.log"), "{\"a\":1}\n{\"b\":2}\n{}\n");
    }

    #[test]
    fn lua_is_refused() {
        let config = json!({"path": "/tmp/x.log", "custom_fields_by_lua": {"a": "return 1"}});
        let problems = Tester::<FileLog>::new(&config).err().unwrap();
        assert_eq!(problems.first().map(|problem| problem.pointer.as_str()), Some("/custom_fields_by_lua"));
        let none = json!({"path": "/tmp/x.log", "custom_fields_by_lua": {}});
        assert!(Tester::<FileLog>::new(&none).is_ok(), "an empty map asks for nothing");
    }
}
