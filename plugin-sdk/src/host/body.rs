//! The body that the gateway holds during a call of [`RequestBody`](crate::RequestBody) or
//! [`ResponseBody`](crate::ResponseBody). Bytes come into the plugin only when it reads them; JSON is
//! looked through by the gateway.

use super::raw::body;

/// Bytes of one read.
const READ: u32 = 1 << 20;

/// Its length in bytes.
pub fn len() -> u64 {
    body::len()
}

/// Up to `max` bytes from `offset` on, 1 MiB at most; empty behind the end.
pub fn read(offset: u64, max: u32) -> Vec<u8> {
    body::read(offset, max)
}

/// All of it.
pub fn all() -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let more = body::read(bytes.len() as u64, READ);
        if more.is_empty() {
            return bytes;
        }
        bytes.extend(more);
    }
}

/// The JSON text of the values that these RFC 6901 pointers lead to, in one pass.
///
/// # Errors
///
/// Why the body is no JSON.
pub fn json_pointers(pointers: &[String]) -> Result<Vec<Option<String>>, String> {
    body::json_pointers(pointers)
}

/// Its SHA-256, 32 bytes.
pub fn sha256() -> Vec<u8> {
    body::sha256()
}
