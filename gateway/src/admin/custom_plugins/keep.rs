//! A version that was examined becomes part of its plugin, at once or in two steps.
//!
//! The two steps are announcement and activation, with time between them in which other nodes compile
//! what they will run. Deliberately not here: whether they did. A node that is late runs the version
//! before until it is done.

use axum::http::StatusCode;
use uuid::Uuid;

use super::activate::Carried;
use super::upload::{Upload, judged, refusal};
use super::{ATTEMPTS, Found, activate, document, find, kind, with_version};
use crate::admin::answer::Answer;
use crate::admin::error::ApiError;
use crate::admin::plugins::custom_plugin;
use crate::admin::state::AdminState;
use crate::model::{Admitted, CustomPlugin, Document};
use crate::store::{Change, StoreError};

/// Signatures of one version that are kept, the newest.
const MOST_SIGNATURES: usize = 8;

/// What becomes of a version in one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is kept, and active if that was asked for.
    AtOnce,
    /// It is kept, and active only if no other is.
    Announce,
    /// It was announced, and becomes active.
    Activate,
}

/// A version that was kept.
pub(super) struct Kept {
    pub(super) answer: Answer,
    /// It was announced and is to be active.
    pub(super) awaits_activation: bool,
}

/// Writes the version into its plugin.
pub(super) async fn keep(
    state: &AdminState,
    admitted: &Admitted,
    upload: &Upload,
    step: Step,
) -> Result<Kept, ApiError> {
    for _ in 0..ATTEMPTS {
        let found = find_named(state, &admitted.name).await?;
        if let Some(signed) = found.as_ref().and_then(|found| signed_anew(&found.plugin, admitted)) {
            sign(state, found, signed).await?;
            continue;
        }
        if let Some(answer) = known(found.as_ref(), admitted, step)? {
            return Ok(Kept { answer, awaits_activation: false });
        }
        if let Some(kept) = write(state, found, admitted, upload, step).await? {
            return Ok(kept);
        }
    }
    Err(StoreError::Changed { kind: "custom_plugins".to_owned(), id: Uuid::nil() }.into())
}

/// The plugin with the signatures that came with a component that it has already: how a key is
/// exchanged for another.
fn signed_anew(plugin: &CustomPlugin, admitted: &Admitted) -> Option<CustomPlugin> {
    let mut plugin = plugin.clone();
    let new = &admitted.version;
    let known = plugin.versions.iter_mut().find(|known| known.version == new.version)?;
    let missing = new.signatures.iter().filter(|signature| !known.signatures.contains(signature));
    let missing: Vec<_> = missing.cloned().collect();
    if known.digest != new.digest || missing.is_empty() {
        return None;
    }
    known.signatures.extend(missing);
    let surplus = known.signatures.len().saturating_sub(MOST_SIGNATURES);
    known.signatures.drain(..surplus);
    Some(plugin)
}

/// Writes it, unless somebody else wrote the plugin meanwhile: the caller looks again in any case.
async fn sign(state: &AdminState, found: Option<Found>, mut signed: CustomPlugin) -> Result<(), ApiError> {
    let Some(found) = found else { return Ok(()) };
    signed.updated_at = state.now();
    let record = kind()?.record(document(&signed)?)?;
    match state.store.write(vec![Change::ReplaceIf { record, unchanged_since: found.revision }]).await {
        Ok(_) | Err(StoreError::Changed { .. } | StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The answer to an upload of a version that is there already; `None` if there is something to write.
fn known(found: Option<&Found>, admitted: &Admitted, step: Step) -> Result<Option<Answer>, ApiError> {
    let version = &admitted.version;
    let Some(plugin) = found.map(|found| &found.plugin) else { return Ok(None) };
    match plugin.version(&version.version) {
        Some(known) if known.digest != version.digest => {
            let text = format!(
                "version {} of '{}' exists with another digest ({}); a version is immutable",
                known.version, admitted.name, known.digest
            );
            Err(ApiError::message(StatusCode::CONFLICT, text))
        }
        Some(known) if step != Step::Activate => Ok(Some(Answer::ok(with_version(plugin, known)?))),
        Some(_) | None => Ok(None),
    }
}

/// `None` if somebody else wrote the plugin meanwhile.
async fn write(
    state: &AdminState,
    found: Option<Found>,
    admitted: &Admitted,
    upload: &Upload,
    step: Step,
) -> Result<Option<Kept>, ApiError> {
    let version = &admitted.version;
    let mut before =
        found.as_ref().map_or_else(|| blank(&admitted.name, state.now()), |found| found.plugin.clone());
    if before.version(&version.version).is_none() {
        before.versions.push(version.clone());
    }
    before.updated_at = state.now();
    let mut after = before.clone();
    let is_wanted = upload.activate || before.active_version.is_none();
    if is_wanted {
        after.active_version = Some(version.version.clone());
    }
    // What cannot be carried out is refused before it is announced.
    let mut entity = judged(state, &after, upload.options.clone())?;
    let mut plugin = custom_plugin(entity.clone())?;
    if plugin.canary.as_ref().map(|canary| &canary.version) == plugin.active_version.as_ref() {
        plugin.canary = None;
        entity = document(&plugin)?;
    }
    let Carried { mut changes, migrated } = match is_wanted {
        true => {
            let from = before.active_version.as_deref();
            activate::carry_over(state, &plugin, (from, version)).await?
        }
        false => Carried::default(),
    };
    let awaits_activation = is_wanted && step == Step::Announce && before.active_version.is_some();
    if awaits_activation {
        entity = judged(state, &before, Document::new())?;
        plugin = before;
        changes.clear();
    }
    let record = kind()?.record(entity)?;
    let change = match found {
        Some(Found { revision, .. }) => Change::ReplaceIf { record, unchanged_since: revision },
        None => Change::Insert(record),
    };
    changes.insert(0, change);
    match state.store.write(changes).await {
        Ok(_) => {
            let mut shown = with_version(&plugin, version)?;
            if !migrated.is_empty() && !awaits_activation {
                shown.insert("migrated".to_owned(), migrated.into());
            }
            let answer = Answer::created(shown);
            Ok(Some(Kept { answer, awaits_activation }))
        }
        Err(StoreError::Changed { .. } | StoreError::NotFound { .. } | StoreError::Conflict { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

async fn find_named(state: &AdminState, name: &str) -> Result<Option<Found>, ApiError> {
    if crate::model::is_uuid(name) {
        return Err(refusal("bad_name", "a plugin cannot be named like a UUID"));
    }
    find(state, name).await
}

fn blank(name: &str, now: i64) -> CustomPlugin {
    CustomPlugin {
        id: Uuid::new_v4(),
        name: name.to_owned(),
        active_version: None,
        versions: Vec::new(),
        grants: None,
        limits: None,
        on_failure: None,
        canary: None,
        rollback: None,
        tags: None,
        created_at: now,
        updated_at: now,
    }
}
