//! Counters of this node: capability `local-counters`. No call waits.

use super::raw::local_counters;

pub use crate::bindings::imports::weir::plugin::local_counters::{Take, Window};

/// Takes `cost` tokens of a bucket that holds `capacity` and refills steadily.
pub fn token_bucket(key: &str, capacity: u64, refill_per_second: f64, cost: u64) -> Take {
    local_counters::token_bucket(key, capacity, refill_per_second, cost)
}

/// Counts `cost` in the current window, which starts at a multiple of `window_ms` since 1970.
pub fn fixed_window(key: &str, limit: u64, window_ms: u64, cost: u64) -> Take {
    local_counters::fixed_window(key, limit, window_ms, cost)
}

/// Counts `cost` in a window that slides with time.
pub fn sliding_window(key: &str, limit: u64, window_ms: u64, cost: u64) -> Take {
    local_counters::sliding_window(key, limit, window_ms, cost)
}

/// Counts `cost` in every window, or in none of them if one would go over its limit. One answer
/// for each window, in the same order.
pub fn take_windows(windows: &[Window], cost: u64) -> Vec<Take> {
    local_counters::take_windows(windows, cost)
}
