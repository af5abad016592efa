//! Values of this node that end: capability `local-cache`. No call waits, and any value may be gone.

use super::raw::local_cache;

/// The value of `key`, unless it has ended.
pub fn get(key: &str) -> Option<Vec<u8>> {
    local_cache::get(key)
}

/// Keeps a value for `ttl_ms` milliseconds at most.
///
/// # Errors
///
/// A text, if the cache was not granted, or the value is too large for it.
pub fn put(key: &str, value: &[u8], ttl_ms: u64) -> Result<(), String> {
    local_cache::put(key, value, ttl_ms)
}

/// Forgets the value of `key`.
pub fn delete(key: &str) {
    local_cache::delete(key);
}
