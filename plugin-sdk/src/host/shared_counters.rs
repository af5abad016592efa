//! Counters of all nodes: capability `shared-counters`. The plugin waits, the gateway does not.

use super::raw::shared_counters;

pub use super::counters::{Take, Window};

/// Counts `cost` in the current window, which starts at a multiple of `window_ms` since 1970.
///
/// # Errors
///
/// A text, if counters were not granted, or the server that holds them does not answer.
pub fn fixed_window(key: &str, limit: u64, window_ms: u64, cost: u64) -> Result<Take, String> {
    shared_counters::fixed_window(key, limit, window_ms, cost)
}

/// Counts `cost` in a window that slides with time.
///
/// # Errors
///
/// As [`fixed_window`].
pub fn sliding_window(key: &str, limit: u64, window_ms: u64, cost: u64) -> Result<Take, String> {
    shared_counters::sliding_window(key, limit, window_ms, cost)
}

/// Counts `cost` in every window, or in none of them if one would go over its limit. One answer
/// for each window, in the same order.
///
/// # Errors
///
/// As [`fixed_window`].
pub fn take_windows(windows: &[Window], cost: u64) -> Result<Vec<Take>, String> {
    shared_counters::take_windows(windows, cost)
}
