//! Kong's configuration fields of `prometheus`.

use serde::Deserialize;
use weir_plugin_sdk::{JsonSchema, schemars};

/// Kong's configuration fields, with Kong's defaults.
///
/// The gateway shows its metrics without being asked, so that most of these switches have nothing to do.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-protocols" = ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"]))]
pub struct Config {
    /// Tell requests and bytes apart by the username of the consumer.
    pub per_consumer: Option<bool>,
    /// Without effect: requests are always counted by status.
    pub status_code_metrics: Option<bool>,
    /// Without effect: there are no plugins for language models.
    pub ai_metrics: Option<bool>,
    /// Without effect: latencies are always shown.
    pub latency_metrics: Option<bool>,
    /// Without effect: bytes are always counted.
    pub bandwidth_metrics: Option<bool>,
    /// Without effect: the health of targets is always shown.
    pub upstream_health_metrics: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        let off = Some(false);
        Self {
            per_consumer: off,
            status_code_metrics: off,
            ai_metrics: off,
            latency_metrics: off,
            bandwidth_metrics: off,
            upstream_health_metrics: off,
        }
    }
}
