//! Where counters are kept.

use serde::{Deserialize, Serialize};
use serde_json::json;
use weir_plugin_sdk::counters::{self, Take, Window};
use weir_plugin_sdk::{Capability, JsonSchema, schemars, shared_counters};

/// Where counters are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "Kong's names")]
pub enum Policy {
    Local,
    Cluster,
    Redis,
}

/// What a plugin with the fields `policy` and `redis` asks for, so that it may count on all nodes.
pub fn capability(why: &str) -> Capability {
    // With `local` nothing is granted, and the plugin is never called as one that may wait.
    let parameters = json!({ "optional": true, "backend": "$(config.policy)", "server": "$(config.redis)" });
    Capability::new("shared-counters", why, &parameters)
}

impl Policy {
    /// Counts `cost` in every window, or in none of them if one would go over its limit. One answer for each
    /// window, in the same order.
    ///
    /// # Errors
    ///
    /// A text, if counters are shared and the server that holds them does not answer.
    pub fn take(self, windows: &[Window], cost: u64) -> Result<Vec<Take>, String> {
        match self {
            Self::Local => Ok(counters::take_windows(windows, cost)),
            Self::Cluster | Self::Redis => shared_counters::take_windows(windows, cost),
        }
    }
}
