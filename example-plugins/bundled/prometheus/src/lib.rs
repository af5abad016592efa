//! Kong's `prometheus`: has the gateway's metrics of requests told apart by consumer.
//!
//! The gateway counts requests, bytes and latencies under Kong's names for every route, and shows the health
//! of targets, with or without this plugin. All that is left to ask for is the label `consumer`, and the
//! grant of `metrics` asks for it: no call is made for a request.

mod config;

#[cfg(test)]
mod tests;

pub use config::Config;

use serde_json::json;
use weir_plugin_sdk::{About, Capability, ConfigProblem, Failure, Log, LogEntry, Plugin, Setup};

/// The plugin, configured for one assignment.
pub struct Prometheus;

impl Plugin for Prometheus {
    type Config = Config;

    fn about() -> About {
        let consumers = json!({ "consumers": "$(config.per_consumer)" });
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(13)
            .needs(Capability::new("metrics", "to have requests counted by consumer", &consumers))
    }

    fn configure(_: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        Ok((Self, Setup::new()))
    }
}

/// Exported since a component has to have a phase, and this is Kong's; no configuration asks for it.
impl Log for Prometheus {
    fn on_log(&mut self, _: &[LogEntry]) -> Result<(), Failure> {
        Ok(())
    }
}

weir_plugin_sdk::export!(Prometheus: log);
