//! Files that the operator granted: capability `log-file`.

use super::raw::log_file;

/// Appends `data`; the write happens after the call. `reopen` opens the file anew for it.
///
/// # Errors
///
/// A text, if the path was not granted or the queue of writes is full.
pub fn append(path: &str, data: &[u8], reopen: bool) -> Result<(), String> {
    log_file::append(path, data, reopen)
}
