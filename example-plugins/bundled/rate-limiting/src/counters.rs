//! Where requests are counted.

use weir_plugin_sdk::counters::{self, Take, Window};
use weir_plugin_sdk::shared_counters;

use crate::config::Policy;

/// Where requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counters {
    /// On this node.
    Local,
    /// For all nodes together; which server holds them is the gateway's business.
    Shared,
}

impl Counters {
    pub(crate) fn of(policy: Option<Policy>) -> Self {
        match policy {
            Some(Policy::Cluster | Policy::Redis) => Self::Shared,
            Some(Policy::Local) | None => Self::Local,
        }
    }

    /// Counts one request in all windows, or in none if one is full.
    ///
    /// # Errors
    ///
    /// Why the counters of all nodes cannot be asked.
    pub(crate) fn take(self, windows: &[Window]) -> Result<Vec<Take>, String> {
        match self {
            Self::Local => Ok(counters::take_windows(windows, 1)),
            Self::Shared => shared_counters::take_windows(windows, 1),
        }
    }
}
