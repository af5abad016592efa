//! Builds every part, starts the tasks, waits for the end.

use crate::config::Settings;

/// Why the gateway could not run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Parts are missing.
    #[error("the parts of the gateway are not joined yet")]
    Unjoined,
}

/// Runs the gateway until it has drained.
///
/// # Errors
///
/// [`AppError`].
pub fn run(settings: Settings) -> Result<(), AppError> {
    drop(settings);
    Err(AppError::Unjoined)
}
