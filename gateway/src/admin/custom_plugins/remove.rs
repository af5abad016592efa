//! DELETE of a plugin that nobody is assigned to, or of a version that is not active.

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{ATTEMPTS, document, find, kind, upload};
use crate::admin::answer::Answer;
use crate::admin::error::{ApiError, Class};
use crate::admin::information::all;
use crate::admin::plugins::custom_plugin;
use crate::admin::state::AdminState;
use crate::model::{CustomPlugin, Document};
use crate::store::{Change, PageQuery, StoreError};

/// Assignments that one refusal names.
const MOST_NAMED: usize = 20;

pub(super) async fn remove_plugin(state: &AdminState, text: &str) -> Result<Answer, ApiError> {
    let Some(found) = find(state, text).await? else {
        return Ok(Answer::no_content());
    };
    let delete = Change::Delete { kind: "custom_plugins".to_owned(), id: found.plugin.id };
    match state.store.write(vec![delete]).await {
        Ok(_) | Err(StoreError::NotFound { .. }) => {
            sweep(state).await;
            Ok(Answer::no_content())
        }
        Err(StoreError::Referenced { .. }) => Err(still_assigned(state, &found.plugin).await?),
        Err(error) => Err(ApiError::of_write(error, kind()?, &Document::new())),
    }
}

/// Names the assignments that stand against it.
async fn still_assigned(state: &AdminState, plugin: &CustomPlugin) -> Result<ApiError, ApiError> {
    let parent = Some(("name".to_owned(), plugin.id));
    let page =
        state.store.page("plugins", &PageQuery { size: MOST_NAMED, parent, ..PageQuery::default() }).await?;
    let name = |row: &Document| json!({ "id": row.get("id"), "instance_name": row.get("instance_name") });
    let assignments: Vec<Value> = page.documents.iter().map(name).collect();
    Ok(ApiError::coded(
        Class::ForeignKey,
        "an existing 'plugins' entity references this 'custom_plugins' entity",
        json!({ "@referenced_by": "plugins", "assignments": assignments }),
    ))
}

pub(super) async fn remove_version(
    state: &AdminState,
    text: &str,
    version: &str,
) -> Result<Answer, ApiError> {
    for _ in 0..ATTEMPTS {
        let mut found = find(state, text).await?.ok_or(ApiError::NotFound)?;
        if found.plugin.active_version.as_deref() == Some(version) {
            let text = format!("version {version} is active; make another version active first");
            return Err(ApiError::bad_request(text));
        }
        if found.plugin.canary.as_ref().is_some_and(|canary| canary.version == version) {
            let text = format!("version {version} is being tried out; end that first (\"canary\": null)");
            return Err(ApiError::bad_request(text));
        }
        if found.plugin.version(version).is_none() {
            return Ok(Answer::no_content());
        }
        found.plugin.versions.retain(|known| known.version != version);
        found.plugin.updated_at = state.now();
        let record = kind()?.record(document(&found.plugin)?)?;
        match state.store.write(vec![Change::ReplaceIf { record, unchanged_since: found.revision }]).await {
            Ok(_) => {
                sweep(state).await;
                return Ok(Answer::no_content());
            }
            Err(StoreError::Changed { .. } | StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Changed { kind: "custom_plugins".to_owned(), id: Uuid::nil() }.into())
}

/// Deletes the components that no version names any more. A failure leaves them for the next time.
async fn sweep(state: &AdminState) {
    let swept = async {
        let mut in_use = HashSet::new();
        for row in all(state, "custom_plugins").await? {
            in_use.extend(custom_plugin(row)?.versions.into_iter().map(|version| version.digest));
        }
        Ok::<_, ApiError>(state.store.sweep_components(&in_use, upload::UNNAMED).await?)
    };
    if let Err(error) = swept.await {
        tracing::warn!(%error, "unused components could not be deleted");
    }
}
