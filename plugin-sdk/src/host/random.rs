//! Random bytes from the gateway's own generator: capability `random`.

use super::raw::random;

/// `count` bytes, fit for keys; 64 KiB at most.
pub fn bytes(count: u32) -> Vec<u8> {
    random::bytes(count)
}
