//! Why nothing was counted or kept.

use crate::store::{Resting, StoreError};

/// Why nothing was counted or kept. No text holds an address or a password.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// This gateway has no such backend.
    #[error("this gateway has no such backend")]
    Missing,
    /// The settings cannot be used.
    #[error("the redis settings cannot be used: {0}")]
    Settings(String),
    /// It did not answer a moment ago.
    #[error("redis is away: {0}")]
    Resting(#[from] Resting),
    /// No answer in time.
    #[error("no answer in time")]
    Late,
    /// Redis cannot be reached, or refuses.
    #[error("redis: {0}")]
    Redis(String),
    /// The database cannot be reached, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}
