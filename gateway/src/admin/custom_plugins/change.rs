//! PATCH /custom-plugins/{plugin}: another active version (rollback), grants, limits, failure policy, tags.

use serde_json::Value;
use uuid::Uuid;

use super::{ATTEMPTS, Found, activate, find, kind, upload};
use crate::admin::answer::Answer;
use crate::admin::body::Sent;
use crate::admin::call::Call;
use crate::admin::error::ApiError;
use crate::admin::plugins::custom_plugin;
use crate::admin::state::AdminState;
use crate::model::{Document, Violations};
use crate::store::{Change, StoreError};

/// Fields that an upload alone decides.
const IMMUTABLE: [&str; 4] = ["id", "name", "versions", "created_at"];

pub(super) async fn change_plugin(mut call: Call<'_>) -> Result<Answer, ApiError> {
    let sent = call.fields().await?;
    let mut options = sent.document().clone();
    if matches!(sent, Sent::Form(_)) {
        kind()?.type_form(&mut options);
    }
    let text = call.parameter(0)?;
    for _ in 0..ATTEMPTS {
        let found = find(call.state, text).await?.ok_or_else(|| ApiError::missing("name", text))?;
        if let Some(answer) = write(call.state, found, options.clone()).await? {
            return Ok(answer);
        }
    }
    Err(StoreError::Changed { kind: "custom_plugins".to_owned(), id: Uuid::nil() }.into())
}

/// `None` if somebody else wrote the plugin meanwhile.
async fn write(state: &AdminState, found: Found, mut options: Document) -> Result<Option<Answer>, ApiError> {
    let stored = super::document(&found.plugin)?;
    let mut wrong = Violations { fields: Document::new() };
    for name in IMMUTABLE {
        match options.remove(name) {
            Some(value) if stored.get(name) != Some(&value) => {
                wrong.add(name, "immutable field cannot be updated")
            }
            Some(_) | None => {}
        }
    }
    if !wrong.fields.is_empty() {
        return Err(wrong.into());
    }
    if let Some(wanted) = options.get("active_version") {
        let known = |wanted| found.plugin.version(wanted).is_some();
        if !wanted.as_str().is_some_and(known) {
            let known: Vec<&str> =
                found.plugin.versions.iter().map(|version| version.version.as_str()).collect();
            return Err(
                Violations::of("active_version", format!("expected one of: {}", known.join(", "))).into()
            );
        }
    }
    let entity = upload::judged(state, &found.plugin, options)?;
    let plugin = custom_plugin(entity.clone())?;
    let is_same = (&plugin.active_version, &plugin.grants, &plugin.limits)
        == (&found.plugin.active_version, &found.plugin.grants, &found.plugin.limits);
    let mut changes = match plugin.active() {
        Some(version) if !is_same => activate::carry_over(state, &plugin, version).await?,
        Some(_) | None => Vec::new(),
    };
    let record = kind()?.record(entity.clone())?;
    changes.insert(0, Change::ReplaceIf { record, unchanged_since: found.revision });
    match state.store.write(changes).await {
        Ok(_) => Ok(Some(Answer::ok(Value::Object(entity)))),
        Err(StoreError::Changed { .. } | StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
