//! Candidate versions beside the active ones.
//!
//! A row is stored in the shape of the active version. What the candidate gets is made here: the same
//! configuration completed by the candidate's schema, or what the candidate itself turns it into. A
//! candidate that cannot run a row leaves that row to the active version.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::loads::Loaded;
use super::wanted::Catalogue;
use super::{Made, Plugins, Prepared};
use crate::model::{self, Document, PluginVersion, Violations};
use crate::plugin_host::{Assignment, Canary, Placement, Plugin};
use crate::snapshot::{Assigned, Entity, Fault};

impl Plugins {
    /// The candidate for one row, if there is one that runs.
    pub(super) async fn try_out(
        &mut self,
        catalogue: &Catalogue<'_>,
        row: &Entity<model::Plugin>,
        kept: &mut HashMap<Uuid, Made>,
        prepared: &mut Prepared,
    ) -> Option<Canary> {
        let (upload, version, share) = catalogue.candidate(&row.value)?;
        let plugin = match self.loads.find(&version.digest) {
            Loaded::Ready(plugin) => plugin,
            Loaded::OnItsWay => {
                prepared.pending += 1;
                return None;
            }
            Loaded::Failed { reason, again } => {
                prepared.again |= again;
                prepared.faults.push(left_out(row, version, &reason));
                return None;
            }
        };
        let active = upload.active_version.as_deref().unwrap_or_default();
        let made = match self.config(row, (&plugin, version), active).await {
            Ok(config) => self.candidate(catalogue, row, &plugin, config).await,
            Err(reason) => Err(reason),
        };
        match made {
            Ok((made, canary)) => {
                kept.insert(row.value.id, made);
                Some(Canary { candidate: canary, share })
            }
            Err(reason) => {
                prepared.faults.push(left_out(row, version, &reason));
                None
            }
        }
    }

    /// The row with its configuration in the candidate's shape.
    async fn config(
        &self,
        row: &Entity<model::Plugin>,
        (plugin, version): (&Arc<Plugin>, &PluginVersion),
        active: &str,
    ) -> Result<String, String> {
        let rules = model::schema::plugin_rules(&version.config_schema, version.authenticates)
            .map_err(|fault| fault.to_string())?;
        let kind = model::kind("plugins").ok_or("there is no kind for it")?.with(&rules);
        // A time that the rules take; nothing of it is stored.
        let mut document = row.document();
        let written = document.get("updated_at").and_then(Value::as_i64).unwrap_or(1);
        let fit = |document: &Document| -> Result<String, Violations> {
            let entity = kind.update(document, Document::new(), written)?;
            Ok(entity.get("config").map(Value::to_string).unwrap_or_default())
        };
        let refused = match fit(&document) {
            Ok(config) => return Ok(config),
            Err(refused) if !plugin.migrates() => return Err(refused.parts().join("; ")),
            Err(refused) => refused,
        };
        let stored = document.get("config").map(Value::to_string).unwrap_or_default();
        let migrated = self.host.migrate(plugin, active, &stored).await?;
        let config: Value = serde_json::from_str(&migrated).map_err(|error| error.to_string())?;
        document.insert("config".to_owned(), config);
        fit(&document).map_err(|still| {
            format!("{}; migrated: {}", refused.parts().join("; "), still.parts().join("; "))
        })
    }

    async fn candidate(
        &mut self,
        catalogue: &Catalogue<'_>,
        row: &Entity<model::Plugin>,
        plugin: &Arc<Plugin>,
        config: String,
    ) -> Result<(Made, Arc<Assignment>), String> {
        let mut spec = catalogue.wanted(&row.value).spec;
        spec.config_json = config;
        let schema = plugin.info.config_schema.clone();
        let spec = self.with_values(spec, schema).await.map_err(|error| error.to_string())?;
        let same = |made: &&Made| made.digest == plugin.digest && made.spec == spec;
        let id = row.value.id;
        let warm = self.candidates.get(&id).filter(same).and_then(|made| made.assigned.live());
        let assignment = match warm {
            Some(assignment) => assignment,
            None => self.host.assign(plugin, &spec).await.map_err(|error| {
                let mut reason = error.to_string();
                spec.hidden.redact(&mut reason);
                reason
            })?,
        };
        let assigned = Assigned::done(assignment.priority(), Placement::Live(Arc::clone(&assignment)));
        Ok((Made { digest: plugin.digest.clone(), spec, assigned }, assignment))
    }
}

fn left_out(row: &Entity<model::Plugin>, version: &PluginVersion, reason: &str) -> Fault {
    let message = format!(
        "plugin {} goes on with its active version alone: version {} cannot be tried out: {reason}",
        row.value.name, version.version
    );
    Fault { kind: "plugins".into(), id: row.value.id.to_string(), message }
}
