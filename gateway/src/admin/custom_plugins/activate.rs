//! Another version becomes active: every assignment must be at home in its schema.

use serde_json::{Value, json};

use crate::admin::error::ApiError;
use crate::admin::plugins::{KnownPlugin, held_plugin};
use crate::admin::schemas::kind_named;
use crate::admin::state::AdminState;
use crate::model::{CustomPlugin, Document, Kind, PluginVersion, Violations};
use crate::store::{Change, PageQuery};

/// Rows of one read.
const BATCH: usize = 1000;
/// Assignments that one refusal names.
const MOST_NAMED: usize = 20;

/// The assignments of the plugin, completed by the schema of `version` and under the plugin's grants.
///
/// Refused as a whole if one of them does not fit; the answer says which, and where.
pub(super) async fn carry_over(
    state: &AdminState,
    plugin: &CustomPlugin,
    version: &PluginVersion,
) -> Result<Vec<Change>, ApiError> {
    let known = KnownPlugin::of(plugin, version)?;
    let kind = kind_named("plugins")?.with(&known.rules);
    let mut changes = Vec::new();
    let mut broken = Vec::new();
    let mut query = PageQuery {
        size: BATCH,
        parent: Some(("name".to_owned(), plugin.id)),
        ..PageQuery::default()
    };
    loop {
        let page = state.store.page("plugins", &query).await?;
        for stored in page.documents {
            match judge(state, &kind, &stored, &known).await? {
                Ok(entity) if entity == stored => {}
                Ok(entity) => {
                    let mut record = kind.record(entity)?;
                    record.links.push(held_plugin(plugin.id));
                    changes.push(Change::Replace(record));
                }
                Err(found) => broken.push((stored, found)),
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    if broken.is_empty() {
        Ok(changes)
    } else {
        Err(refused(version, &broken))
    }
}

/// The assignment under the new rules, its `updated_at` as it was unless something changed.
async fn judge(
    state: &AdminState,
    kind: &Kind,
    stored: &Document,
    known: &KnownPlugin,
) -> Result<Result<Document, Violations>, ApiError> {
    let mut entity = match kind.update(stored, Document::new(), state.now()) {
        Ok(entity) => entity,
        Err(found) => return Ok(Err(found)),
    };
    match state.check(known, &entity).await {
        Ok(()) => {}
        Err(ApiError::Violations(found)) => return Ok(Err(found)),
        Err(other) => return Err(other),
    }
    if entity.get("config") == stored.get("config")
        && let Some(moment) = stored.get("updated_at")
    {
        entity.insert("updated_at".to_owned(), moment.clone());
    }
    Ok(Ok(entity))
}

fn refused(version: &PluginVersion, broken: &[(Document, Violations)]) -> ApiError {
    let named: Vec<String> = broken
        .iter()
        .take(MOST_NAMED)
        .map(|(stored, found)| {
            let id = stored.get("id").and_then(Value::as_str).unwrap_or_default();
            format!("plugin {id}: {}", found.parts().join("; "))
        })
        .collect();
    let assignments = broken
        .iter()
        .take(MOST_NAMED)
        .map(|(stored, found)| {
            json!({ "id": stored.get("id"), "instance_name": stored.get("instance_name"), "fields": found.fields })
        })
        .collect();
    let message = format!(
        "version {} was not made active, since {} of the assignments would not fit it ({})",
        version.version,
        broken.len(),
        named.join(" | ")
    );
    ApiError::Breaks { message, assignments }
}
