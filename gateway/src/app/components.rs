//! What the Admin API asks about components, answered by the plugin host.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::AppError;
use crate::admin::{Components, Draft, Later, LocalView, Unfit};
use crate::model::{Admitted, ConfigProblem, Document, PluginVersion, Refusal, RequestedCapability};
use crate::plugin_host::{
    AdmissionError, AssignError, AssignmentSpec, CallFailure, Hidden, Host, Plugin, Provenance, RecentLog,
    Standing, Trust,
};
use crate::registry::{PullError, Puller};
use crate::store::Store;
use crate::vault::{VaultEntity, Vaults};

/// The kind of the entities by way of which references lead.
const VAULTS: &str = "vaults";

/// The plugin host, as the Admin API wants it.
pub(super) struct HostComponents {
    pub(super) host: Host,
    pub(super) store: Store,
    pub(super) bundled: Vec<Admitted>,
    pub(super) trust: Arc<Trust>,
    pub(super) puller: Puller,
    pub(super) vaults: Vaults,
}

impl Components for HostComponents {
    fn admit<'a>(
        &'a self,
        component: Bytes,
        signatures: &'a [String],
    ) -> Later<'a, Result<Admitted, Refusal>> {
        Box::pin(async move {
            self.trust.admit(&component, signatures).map_err(|error| refusal(&error))?;
            let admitted = self.host.admit(component).await.map_err(|error| refusal(&error))?;
            let mut described = described(&admitted.plugin);
            let provenance = Provenance::read(&admitted.bytes);
            described.version.producers = json!(provenance.producers);
            described.version.signatures = signatures.to_vec();
            Ok(described)
        })
    }

    fn pull<'a>(&'a self, reference: &'a str) -> Later<'a, Result<Bytes, Refusal>> {
        Box::pin(async move { self.puller.pull(reference).await.map_err(|error| not_pulled(&error)) })
    }

    fn migrate<'a>(
        &'a self,
        version: &'a PluginVersion,
        from: &'a str,
        config: &'a Value,
    ) -> Later<'a, Result<Value, String>> {
        Box::pin(async move {
            let plugin = self.loaded(&version.digest, &version.signatures).await?;
            let migrated = self.host.migrate(&plugin, from, &config.to_string()).await?;
            serde_json::from_str(&migrated).map_err(|error| format!("it is not JSON: {error}"))
        })
    }

    fn local<'a>(&'a self, version: &'a PluginVersion) -> Later<'a, Result<LocalView, String>> {
        Box::pin(async move {
            let component = self.stored(&version.digest).await?;
            let signature = match self.trust.standing(&component, &version.signatures) {
                Standing::Signed { key } => json!({ "state": "signed", "key": key }),
                Standing::Unknown => json!({ "state": "unknown" }),
                Standing::Unsigned => json!({ "state": "unsigned" }),
            };
            let packages = json!(Provenance::read(&component).packages);
            Ok(LocalView { signature, in_use: json!(self.host.in_use(&version.digest)), packages })
        })
    }

    fn bundled(&self) -> Vec<Admitted> {
        self.bundled.clone()
    }

    fn recent_log(&self, plugin: &str) -> Option<Arc<RecentLog>> {
        self.host.recent_log(plugin)
    }

    fn check<'a>(&'a self, draft: Draft<'a>) -> Later<'a, Result<(), Unfit>> {
        Box::pin(async move {
            let plugin = self.loaded(draft.digest, draft.signatures).await.map_err(Unfit::Unasked)?;
            let mut spec = AssignmentSpec::new(Uuid::nil(), draft.config.to_string());
            spec.bundled = draft.bundled;
            spec.sandbox = draft.sandbox.clone();
            spec.defaults = draft.defaults.clone();
            let Some(spec) = self.with_values(spec, &plugin, draft.vaults).await else { return Ok(()) };
            let outcome = self.host.assign(&plugin, &spec).await;
            outcome.map(drop).map_err(|error| unfit(error, &spec.hidden))
        })
    }
}

impl HostComponents {
    /// The plugin of a component; one that came in through another node is loaded from the store.
    async fn loaded(&self, digest: &str, signatures: &[String]) -> Result<Arc<Plugin>, String> {
        if let Some(plugin) = self.host.plugin(digest) {
            return Ok(plugin);
        }
        if let Some(bundled) = self.host.load_bundled(digest).await {
            return bundled.map_err(|error| error.to_string());
        }
        let bytes = self.stored(digest).await?;
        self.trust.admit(&bytes, signatures).map_err(|error| error.to_string())?;
        self.host.load(digest, &bytes).await.map_err(|error| error.to_string())
    }

    /// The spec with values in place of references. Without one that another node may have, or that may
    /// come later, nothing can be tried: as in Kong, it is no reason to refuse the configuration.
    async fn with_values(
        &self,
        spec: AssignmentSpec,
        plugin: &Plugin,
        declared: Option<&[Document]>,
    ) -> Option<AssignmentSpec> {
        if !spec.has_references() {
            return Some(spec);
        }
        let vaults = match declared {
            Some(declared) => self.vaults_of(declared),
            None => self.stored_vaults().await,
        };
        let schema = plugin.info.config_schema.clone();
        let resolving = tokio::task::spawn_blocking(move || {
            let mut spec = spec;
            spec.resolve(&schema, &vaults, &mut Vec::new()).map(|()| spec)
        });
        match resolving.await.ok()? {
            Ok(spec) => Some(spec),
            Err(error) => {
                tracing::warn!(%error, "a configuration is taken without a trial");
                None
            }
        }
    }

    /// The vaults as they stand in the database: one that was made a moment ago is not in force yet. Without
    /// the database, those that are in force.
    async fn stored_vaults(&self) -> Vaults {
        match self.store.read_catalog(&[VAULTS]).await {
            Ok(rows) => self.vaults_of(rows.documents.get(VAULTS).map(Vec::as_slice).unwrap_or_default()),
            Err(_) => self.vaults.clone(),
        }
    }

    fn vaults_of(&self, documents: &[Document]) -> Vaults {
        let read = |document: &Document| serde_json::from_value(Value::Object(document.clone())).ok();
        let entities: Vec<VaultEntity> = documents.iter().filter_map(read).collect();
        self.vaults.with_entities(entities.iter())
    }

    async fn stored(&self, digest: &str) -> Result<Bytes, String> {
        let stored = self.store.component(digest).await.map_err(|error| error.to_string())?;
        stored.ok_or_else(|| "the component is not in the database".to_owned())
    }
}

fn not_pulled(error: &PullError) -> Refusal {
    Refusal { reason: "not_pulled".to_owned(), message: error.to_string(), again: error.may_pass() }
}

/// What the plugins of the binary say of themselves. None of them stays loaded for that.
pub(super) async fn bundled(host: &Host) -> Result<Vec<Admitted>, AppError> {
    let plugins = host.bundled().await.map_err(|error| AppError::Plugins(error.to_string()))?;
    let said = plugins.iter().map(|plugin| described(plugin)).collect();
    drop(plugins);
    host.forget_unused();
    Ok(said)
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
        imports: plugin.imports.clone(),
        migrates: plugin.migrates(),
        producers: Value::Null,
        signatures: Vec::new(),
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
        AdmissionError::Signature(_) => "signature",
        AdmissionError::Describe(_) => "describe",
        AdmissionError::Internal(_) => "internal",
    };
    let again = matches!(error, AdmissionError::Internal(_));
    Refusal { reason: reason.to_owned(), message: error.to_string(), again }
}

fn unfit(error: AssignError, hidden: &Hidden) -> Unfit {
    let shown = |mut text: String| {
        hidden.redact(&mut text);
        text
    };
    match error {
        AssignError::Config(problems) => Unfit::Problems(
            problems
                .into_iter()
                .map(|problem| ConfigProblem { pointer: problem.pointer, message: shown(problem.message) })
                .collect(),
        ),
        AssignError::NotGranted(names) => Unfit::NotGranted(names),
        AssignError::Sandbox { field, reason } => Unfit::Sandbox { field, reason },
        // Room and time are the gateway's affair; what else breaks off is about this configuration.
        AssignError::Configure(failure @ CallFailure::Capacity) => Unfit::Unasked(failure.to_string()),
        AssignError::Configure(failure) => Unfit::Broke(shown(failure.to_string())),
    }
}
