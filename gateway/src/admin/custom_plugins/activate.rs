//! Another version becomes active: every assignment must be at home in its schema.

use serde_json::{Value, json};

use crate::admin::error::ApiError;
use crate::admin::plugins::{KnownPlugin, held_plugin};
use crate::admin::schemas::kind_named;
use crate::admin::state::AdminState;
use crate::model::{CustomPlugin, Document, Kind, PluginVersion, Violations, id_of};
use crate::store::{Change, Lookup, PageQuery};

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
    let mut query =
        PageQuery { size: BATCH, parent: Some(("name".to_owned(), plugin.id)), ..PageQuery::default() };
    loop {
        let page = state.store.page("plugins", &query).await?;
        for id in page.documents.iter().filter_map(id_of) {
            // Read once more with its revision, so that nobody's change in between is overwritten.
            let found = state.store.find_versioned("plugins", &Lookup::Id(id)).await?;
            let Some(found) = found else { continue };
            match judge(state, &kind, &found.document, &known).await? {
                Ok(entity) if entity == found.document => {}
                Ok(entity) => {
                    let mut record = kind.record(entity)?;
                    record.links.push(held_plugin(plugin.id));
                    changes.push(Change::ReplaceIf { record, unchanged_since: found.revision });
                }
                Err(wrong) => broken.push((found.document, wrong)),
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    if broken.is_empty() { Ok(changes) } else { Err(refused(version, &broken)) }
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
    if let (true, Some(moment)) = (entity.get("config") == stored.get("config"), stored.get("updated_at")) {
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
