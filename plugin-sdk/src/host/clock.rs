//! Time. [`Input::StartedAtUnixMs`](crate::Input::StartedAtUnixMs) is cheaper where the time of the
//! request is enough.

use super::raw::clock;

/// Nanoseconds since 1970.
pub fn now_unix_ns() -> u64 {
    clock::now_unix_ns()
}

/// Nanoseconds since some point; never goes back.
pub fn monotonic_ns() -> u64 {
    clock::monotonic_ns()
}
