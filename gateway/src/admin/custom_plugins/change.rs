//! PATCH /custom-plugins/{plugin}: another active version (rollback), a candidate, grants, limits,
//! failure policy, tags. With `?dry_run=true` nothing is written, and the answer is what it would be.

use serde_json::Value;
use uuid::Uuid;

use super::activate::Carried;
use super::{ATTEMPTS, Found, activate, find, kind, upload};
use crate::admin::answer::Answer;
use crate::admin::body::Sent;
use crate::admin::call::Call;
use crate::admin::error::ApiError;
use crate::admin::plugins::custom_plugin;
use crate::admin::state::AdminState;
use crate::model::{CustomPlugin, Document, Violations};
use crate::store::{Change, StoreError};

/// Fields that an upload alone decides.
const IMMUTABLE: [&str; 5] = ["id", "name", "versions", "created_at", "rollback"];

pub(super) async fn change_plugin(mut call: Call<'_>) -> Result<Answer, ApiError> {
    let sent = call.fields().await?;
    let mut options = sent.document().clone();
    if matches!(sent, Sent::Form(_)) {
        kind()?.type_form(&mut options);
    }
    let dry_run = upload::flag("dry_run", call.query.get("dry_run"))?.unwrap_or(false);
    let text = call.parameter(0)?;
    for _ in 0..ATTEMPTS {
        let found = find(call.state, text).await?.ok_or_else(|| ApiError::missing("name", text))?;
        if let Some(answer) = write(call.state, found, options.clone(), dry_run).await? {
            return Ok(answer);
        }
    }
    Err(StoreError::Changed { kind: "custom_plugins".to_owned(), id: Uuid::nil() }.into())
}

/// `None` if somebody else wrote the plugin meanwhile.
async fn write(
    state: &AdminState,
    found: Found,
    mut options: Document,
    dry_run: bool,
) -> Result<Option<Answer>, ApiError> {
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
    let entity = upload::judged(state, &found.plugin, options)?;
    let mut plugin = custom_plugin(entity)?;
    settle_versions(&found.plugin, &mut plugin)?;
    let carried = carry(state, &found.plugin, &plugin).await?;
    let entity = super::document(&plugin)?;
    let record = kind()?.record(entity.clone())?;
    let mut changes = carried.changes;
    changes.insert(0, Change::ReplaceIf { record, unchanged_since: found.revision });
    let answer = || {
        let mut shown = entity;
        if dry_run {
            shown.insert("dry_run".to_owned(), true.into());
        }
        if !carried.migrated.is_empty() {
            shown.insert("migrated".to_owned(), carried.migrated.into());
        }
        Answer::ok(Value::Object(shown))
    };
    if dry_run {
        return Ok(Some(answer()));
    }
    match state.store.write(changes).await {
        Ok(_) => Ok(Some(answer())),
        Err(StoreError::Changed { .. } | StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Both versions must exist. A candidate that becomes active is none any more, and a new trial forgets
/// how the last one ended.
fn settle_versions(before: &CustomPlugin, after: &mut CustomPlugin) -> Result<(), ApiError> {
    let names: Vec<&str> = after.versions.iter().map(|version| version.version.as_str()).collect();
    let unknown = |field: &str| Violations::of(field, format!("expected one of: {}", names.join(", ")));
    if after.active_version != before.active_version && after.active().is_none() {
        return Err(unknown("active_version").into());
    }
    let Some(canary) = &after.canary else { return Ok(()) };
    if !names.contains(&canary.version.as_str()) {
        return Err(unknown("canary.version").into());
    }
    if before.canary != after.canary {
        after.rollback = None;
    }
    if after.canary.as_ref().map(|canary| &canary.version) == after.active_version.as_ref() {
        after.canary = None;
    }
    Ok(())
}

/// What the change does to the assignments. A candidate has to be at home in all of them too, though
/// nothing of it is written before it is active.
async fn carry(state: &AdminState, before: &CustomPlugin, after: &CustomPlugin) -> Result<Carried, ApiError> {
    let from = before.active_version.as_deref();
    if let Some((_, candidate)) = after.candidate().filter(|_| before.canary != after.canary) {
        activate::carry_over(state, after, (from, candidate)).await?;
    }
    let is_same = (&after.active_version, &after.grants, &after.limits)
        == (&before.active_version, &before.grants, &before.limits);
    match after.active() {
        Some(version) if !is_same => activate::carry_over(state, after, (from, version)).await,
        Some(_) | None => Ok(Carried::default()),
    }
}
