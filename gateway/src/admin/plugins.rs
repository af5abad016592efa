//! What the name of a plugin means: its rules, and the component behind it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::ApiError;
use super::state::{AdminState, Draft, Unfit};
use crate::model::schema;
use crate::model::{
    ConfigProblem, CustomPlugin, Document, Kind, PluginVersion, Record, Variant, Violations, held_plugin,
};
use crate::store::{Lookup, StoreError};

/// A plugin that assignments may name.
#[derive(Debug, Clone)]
pub(super) struct KnownPlugin {
    pub(super) digest: String,
    pub(super) signatures: Vec<String>,
    /// The document of an upload; `None` for a plugin of the binary.
    pub(super) custom: Option<Uuid>,
    /// `grants`, `limits` and `on_failure` of the upload; null for a plugin of the binary.
    pub(super) defaults: Value,
    pub(super) rules: Arc<Variant>,
}

/// A kind with the rules that apply to one entity.
#[derive(Debug, Clone)]
pub(super) struct Ruled {
    pub(super) kind: Cow<'static, Kind>,
    pub(super) plugin: Option<KnownPlugin>,
}

impl AdminState {
    /// The rules for an entity of `kind`; for a plugin those of its name.
    pub(super) async fn rules(&self, kind: &'static Kind, entity: &Document) -> Result<Ruled, ApiError> {
        let plain = Ruled { kind: Cow::Borrowed(kind), plugin: None };
        let Some(name) = kind.given_by().and_then(|field| entity.get(field)?.as_str()) else {
            return Ok(plain);
        };
        let Some(plugin) = self.plugin(name).await? else {
            return Err(kind.unknown_variant(name).into());
        };
        Ok(Ruled { kind: Cow::Owned(kind.with(&plugin.rules)), plugin: Some(plugin) })
    }

    /// The plugin of this name, of the binary or uploaded.
    pub(super) async fn plugin(&self, name: &str) -> Result<Option<KnownPlugin>, ApiError> {
        if let Some(found) = self.bundled.get(name) {
            let digest = found.admitted.version.digest.clone();
            let rules = Arc::clone(&found.rules);
            return Ok(Some(KnownPlugin {
                digest,
                signatures: Vec::new(),
                custom: None,
                defaults: Value::Null,
                rules,
            }));
        }
        let Some(document) = self.store.find("custom_plugins", &Lookup::key("name", name)).await? else {
            return Ok(None);
        };
        let custom = custom_plugin(document)?;
        let known = custom.active().map(|active| KnownPlugin::of(&custom, active)).transpose()?;
        known.iter().for_each(|known| self.store.redactor.keep(name, &known.rules));
        Ok(known)
    }

    /// Asks whether the assignment could run; its configuration has passed the schema.
    pub(super) async fn check(&self, plugin: &KnownPlugin, entity: &Document) -> Result<(), ApiError> {
        self.check_beside(plugin, entity, None).await
    }

    /// The same of an assignment that comes together with all `vaults`.
    pub(super) async fn check_beside(
        &self,
        plugin: &KnownPlugin,
        entity: &Document,
        vaults: Option<&[Document]>,
    ) -> Result<(), ApiError> {
        let part = |name: &str| entity.get(name).unwrap_or(&Value::Null);
        let draft = Draft {
            digest: &plugin.digest,
            signatures: &plugin.signatures,
            bundled: plugin.custom.is_none(),
            config: part("config"),
            sandbox: part("sandbox"),
            defaults: &plugin.defaults,
            vaults,
        };
        match self.components.check(draft).await {
            Ok(()) => Ok(()),
            Err(Unfit::Problems(problems)) => Err(violations(&problems).into()),
            Err(Unfit::NotGranted(names)) => {
                let text =
                    format!("the plugin needs capabilities that are not granted: {}", names.join(", "));
                Err(Violations::of("sandbox.grants", text).into())
            }
            Err(Unfit::Sandbox { field, reason }) => {
                Err(Violations::of(&format!("sandbox.{field}"), reason).into())
            }
            Err(Unfit::Broke(reason)) => {
                Err(Violations::of("config", format!("the plugin failed while it was configured: {reason}"))
                    .into())
            }
            Err(Unfit::Unasked(reason)) => {
                let text = format!("the plugin could not check its configuration: {reason}");
                Err(ApiError::message(StatusCode::SERVICE_UNAVAILABLE, text))
            }
        }
    }
}

impl KnownPlugin {
    /// A version of an upload, as if it were active.
    pub(super) fn of(plugin: &CustomPlugin, version: &PluginVersion) -> Result<Self, ApiError> {
        Ok(Self {
            digest: version.digest.clone(),
            signatures: version.signatures.clone(),
            custom: Some(plugin.id),
            defaults: json!({
                "grants": plugin.grants, "limits": plugin.limits, "on_failure": plugin.on_failure,
            }),
            rules: Arc::new(schema::plugin_rules(&version.config_schema, version.authenticates)?),
        })
    }
}

impl Ruled {
    /// The entity as the store keeps it. An assignment of an uploaded plugin holds on to it.
    pub(super) fn record(&self, entity: Document) -> Result<Record, ApiError> {
        let mut record = self.kind.record(entity)?;
        if let Some(id) = self.plugin.as_ref().and_then(|plugin| plugin.custom) {
            record.links.push(held_plugin(id));
        }
        Ok(record)
    }
}

/// Reads the document of an upload.
pub(super) fn custom_plugin(document: Document) -> Result<CustomPlugin, ApiError> {
    let id = document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    serde_json::from_value(Value::Object(document)).map_err(|error| {
        let reason = error.to_string();
        StoreError::BadRow { kind: "custom_plugins".to_owned(), id, reason }.into()
    })
}

/// Problems at JSON pointers as violations below `config`.
pub(super) fn violations(problems: &[ConfigProblem]) -> Violations {
    let mut found = Violations { fields: Document::new() };
    for problem in problems {
        let below = problem.pointer.trim_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~");
        let path = if below.is_empty() { "config".to_owned() } else { format!("config.{below}") };
        found.add(&path, problem.message.as_str());
    }
    if found.fields.is_empty() {
        found.add("config", "the plugin refused the configuration");
    }
    found
}
