//! What the Admin API asks about components, answered by the plugin host.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use crate::admin::{Components, Draft, Later, Unfit};
use crate::model::{Admitted, ConfigProblem, PluginVersion, Refusal, RequestedCapability};
use crate::plugin_host::{AdmissionError, AssignError, AssignmentSpec, Host, Plugin, RecentLog};
use crate::store::Store;

/// The plugin host, as the Admin API wants it.
pub(super) struct HostComponents {
    pub(super) host: Host,
    pub(super) store: Store,
    pub(super) bundled: Vec<Arc<Plugin>>,
}

impl Components for HostComponents {
    fn admit(&self, component: Bytes) -> Later<'_, Result<Admitted, Refusal>> {
        Box::pin(async move {
            let admitted = self.host.admit(component).await.map_err(|error| refusal(&error))?;
            Ok(described(&admitted.plugin))
        })
    }

    fn bundled(&self) -> Vec<Admitted> {
        self.bundled.iter().map(|plugin| described(plugin)).collect()
    }

    fn recent_log(&self, plugin: &str) -> Option<Arc<RecentLog>> {
        self.host.recent_log(plugin)
    }

    fn check<'a>(&'a self, draft: Draft<'a>) -> Later<'a, Result<(), Unfit>> {
        Box::pin(async move {
            let plugin = self.loaded(draft.digest).await.map_err(Unfit::Unasked)?;
            let mut spec = AssignmentSpec::new(Uuid::nil(), draft.config.to_string());
            spec.bundled = draft.bundled;
            spec.sandbox = draft.sandbox.clone();
            spec.defaults = draft.defaults.clone();
            self.host.assign(&plugin, &spec).await.map(drop).map_err(unfit)
        })
    }
}

impl HostComponents {
    /// The plugin of a component; one that came in through another node is loaded from the store.
    async fn loaded(&self, digest: &str) -> Result<Arc<Plugin>, String> {
        if let Some(plugin) = self.host.plugin(digest) {
            return Ok(plugin);
        }
        let stored = self.store.component(digest).await.map_err(|error| error.to_string())?;
        let bytes = stored.ok_or_else(|| "the component is not in the database".to_owned())?;
        self.host.load(digest, &bytes).await.map_err(|error| error.to_string())
    }
}

fn described(plugin: &Plugin) -> Admitted {
    let info = &plugin.info;
    let capabilities = info.capabilities.iter().map(|asked| RequestedCapability {
        name: asked.name.clone(),
        why: asked.why.clone(),
        params: serde_json::from_str(&asked.params_json).unwrap_or_default(),
    });
    let phases = plugin.phases().into_iter().filter_map(|phase| serde_json::to_value(phase).ok());
    let version = PluginVersion {
        version: info.version.clone(),
        digest: plugin.digest.clone(),
        description: info.description.clone(),
        config_schema: info.config_schema.clone(),
        phases: phases.filter_map(|phase| phase.as_str().map(str::to_owned)).collect(),
        capabilities: capabilities.collect(),
        default_priority: info.default_priority,
        authenticates: info.authenticates,
        instances: if info.reuse { "reuse" } else { "per-call" }.to_owned(),
        cost: serde_json::to_value(plugin.cost).unwrap_or(Value::Null),
        created_at: 0,
    };
    Admitted { name: info.name.clone(), version }
}

fn refusal(error: &AdmissionError) -> Refusal {
    let reason = match error {
        AdmissionError::TooLarge { .. } => "too_large",
        AdmissionError::NotAComponent(_) => "not_a_component",
        AdmissionError::Shape(_) => "shape",
        AdmissionError::UnknownImport { .. } => "unknown_import",
        AdmissionError::Contract(_) => "contract",
        AdmissionError::Compile(_) => "compile",
        AdmissionError::Describe(_) => "describe",
        AdmissionError::Internal(_) => "internal",
    };
    let again = matches!(error, AdmissionError::Internal(_));
    Refusal { reason: reason.to_owned(), message: error.to_string(), again }
}

fn unfit(error: AssignError) -> Unfit {
    match error {
        AssignError::Config(problems) => Unfit::Problems(
            problems
                .into_iter()
                .map(|problem| ConfigProblem { pointer: problem.pointer, message: problem.message })
                .collect(),
        ),
        AssignError::NotGranted(names) => Unfit::NotGranted(names),
        AssignError::Sandbox { field, reason } => Unfit::Sandbox { field, reason },
        AssignError::Configure(reason) => Unfit::Unasked(reason),
    }
}
