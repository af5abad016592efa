//! What a plugin keeps for a later phase.

/// Bytes that a plugin may carry from phase to phase.
const MAX_CARRY: usize = 4 << 10;

/// What is carried on, if it is no more than may be.
///
/// # Errors
///
/// If it is more.
pub(crate) fn carry(said: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, String> {
    match said {
        Some(bytes) if bytes.len() > MAX_CARRY => Err("it carries more than 4 KiB".into()),
        said => Ok(said),
    }
}
