//! The two steps of an upload one by one, as a gateway with several nodes takes them.

use bytes::Bytes;
use serde_json::Value;

use super::keep::{Step, keep};
use super::upload::Upload;
use crate::admin::answer::Content;
use crate::admin::error::ApiError;
use crate::admin::state::AdminState;

/// Announces a version, and activates it if it waits for that; what the plugin was after each step.
pub(in crate::admin) async fn steps(state: &AdminState, component: String) -> Result<Vec<Value>, ApiError> {
    let upload = Upload::of(Bytes::from(component.clone()));
    let admitted = state.components.admit(Bytes::from(component), &[]).await?;
    let mut seen = Vec::new();
    for step in [Step::Announce, Step::Activate] {
        let kept = keep(state, &admitted, &upload, step).await?;
        if let Content::Json(shown) = kept.answer.content {
            seen.push(shown);
        }
        if !kept.awaits_activation {
            break;
        }
    }
    Ok(seen)
}
