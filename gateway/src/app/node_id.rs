//! The name of this node: the operator's, or one that is made once and kept below the prefix.

use std::io;

use uuid::Uuid;

use super::AppError;
use crate::config::Settings;

/// The name of this node.
///
/// # Errors
///
/// If it cannot be written; a file that holds no UUID is replaced.
pub(super) fn load(settings: &Settings) -> Result<Uuid, AppError> {
    if let Some(chosen) = settings.node_id {
        return Ok(chosen);
    }
    let file = settings.prefix.join("node.id");
    let kept = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(kept) = kept {
        return Ok(kept);
    }
    let made = Uuid::new_v4();
    let written: io::Result<()> = std::fs::write(&file, made.to_string());
    written.map_err(AppError::system("the node's id cannot be kept"))?;
    Ok(made)
}
