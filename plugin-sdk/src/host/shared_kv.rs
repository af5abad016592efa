//! Values of all nodes that end: capability `shared-kv`. The plugin waits, the gateway does not.

use super::raw::shared_kv;

/// The value of `key`, unless it has ended.
///
/// # Errors
///
/// A text, if values were not granted, or the server that holds them does not answer.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, String> {
    shared_kv::get(key)
}

/// Keeps a value for `ttl_ms` milliseconds, in place of any other.
///
/// # Errors
///
/// As [`get`], or if the value is too large.
pub fn put(key: &str, value: &[u8], ttl_ms: u64) -> Result<(), String> {
    shared_kv::put(key, value, ttl_ms)
}

/// Keeps `new` if the value is still `old`; `None` is no value. False if it is not.
///
/// # Errors
///
/// As [`put`].
pub fn compare_and_swap(key: &str, old: Option<&[u8]>, new: &[u8], ttl_ms: u64) -> Result<bool, String> {
    shared_kv::compare_and_swap(key, old, new, ttl_ms)
}
