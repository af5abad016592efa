//! Another version becomes active: every assignment must be at home in its schema, as it is or as the
//! version itself turns it into.

use serde_json::{Value, json};

use crate::admin::error::ApiError;
use crate::admin::plugins::KnownPlugin;
use crate::admin::schemas::kind_named;
use crate::admin::state::AdminState;
use crate::model::{CustomPlugin, Document, Kind, PluginVersion, Violations, held_plugin, id_of};
use crate::store::{Change, Lookup, PageQuery, Versioned};

/// Rows of one read.
const BATCH: usize = 1000;
/// Assignments that one refusal names.
const MOST_NAMED: usize = 20;

/// What becomes of the assignments.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) changes: Vec<Change>,
    /// Those whose configuration the version turned into one of its own: before and after.
    pub(super) migrated: Vec<Value>,
}

impl Carried {
    /// Notes what becomes of one assignment, and whether that took a migration.
    fn add(
        &mut self,
        judge: &Judge<'_>,
        found: Versioned,
        (entity, migrated): (Document, bool),
    ) -> Result<(), ApiError> {
        if entity == found.document {
            return Ok(());
        }
        if migrated {
            self.migrated.push(before_and_after(&found.document, &entity));
        }
        let mut record = judge.kind.record(entity)?;
        record.links.extend(judge.known.custom.map(held_plugin));
        self.changes.push(Change::ReplaceIf { record, unchanged_since: found.revision });
        Ok(())
    }
}

/// The assignments of the plugin, completed by the schema of `version` and under the plugin's grants.
///
/// Refused as a whole if one of them does not fit; the answer says which, and where.
pub(super) async fn carry_over(
    state: &AdminState,
    plugin: &CustomPlugin,
    (from, version): (Option<&str>, &PluginVersion),
) -> Result<Carried, ApiError> {
    let known = KnownPlugin::of(plugin, version)?;
    let kind = kind_named("plugins")?.with(&known.rules);
    let judge = Judge { state, kind, known, from: from.unwrap_or_default(), version };
    let mut carried = Carried::default();
    let mut broken = Vec::new();
    let mut query =
        PageQuery { size: BATCH, parent: Some(("name".to_owned(), plugin.id)), ..PageQuery::default() };
    loop {
        let page = state.store.whole().page("plugins", &query).await?;
        for id in page.documents.iter().filter_map(id_of) {
            // Read once more with its revision, so that nobody's change in between is overwritten.
            let found = state.store.whole().find_versioned("plugins", &Lookup::Id(id)).await?;
            let Some(found) = found else { continue };
            match judge.or_migrate(&found.document).await? {
                Ok(becomes) => carried.add(&judge, found, becomes)?,
                Err(wrong) => broken.push((found.document, wrong)),
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    if broken.is_empty() { Ok(carried) } else { Err(refused(version, &broken)) }
}

/// One version and what it makes of assignments.
struct Judge<'a> {
    state: &'a AdminState,
    kind: Kind,
    known: KnownPlugin,
    /// The version that was active until now.
    from: &'a str,
    version: &'a PluginVersion,
}

impl Judge<'_> {
    /// The assignment under the new rules, and whether the version had to turn its configuration into
    /// another. It is asked only if the configuration does not fit as it is.
    async fn or_migrate(&self, stored: &Document) -> Result<Result<(Document, bool), Violations>, ApiError> {
        let refused = match self.fits(stored).await? {
            Ok(entity) => return Ok(Ok((entity, false))),
            Err(found) if !self.version.migrates => return Ok(Err(found)),
            Err(found) => found,
        };
        let config = stored.get("config").unwrap_or(&Value::Null);
        let mut migrated = stored.clone();
        match self.state.components.migrate(self.version, self.from, config).await {
            Ok(config) => _ = migrated.insert("config".to_owned(), config),
            Err(reason) => {
                let mut found = refused;
                found.add("@migration", reason.as_str());
                return Ok(Err(found));
            }
        }
        Ok(self.fits(&migrated).await?.map(|entity| (entity, true)))
    }

    /// The assignment under the new rules, its `updated_at` as it was unless something changed.
    async fn fits(&self, stored: &Document) -> Result<Result<Document, Violations>, ApiError> {
        let mut entity = match self.kind.update(stored, Document::new(), self.state.now()) {
            Ok(entity) => entity,
            Err(found) => return Ok(Err(found)),
        };
        match self.state.check(&self.known, &entity).await {
            Ok(()) => {}
            Err(ApiError::Violations(found)) => return Ok(Err(found)),
            Err(other) => return Err(other),
        }
        if let (true, Some(moment)) = (entity.get("config") == stored.get("config"), stored.get("updated_at"))
        {
            entity.insert("updated_at".to_owned(), moment.clone());
        }
        Ok(Ok(entity))
    }
}

fn before_and_after(stored: &Document, entity: &Document) -> Value {
    let part = |name| stored.get(name).cloned().unwrap_or(Value::Null);
    json!({
        "id": part("id"), "instance_name": part("instance_name"),
        "before": part("config"), "after": entity.get("config"),
    })
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
