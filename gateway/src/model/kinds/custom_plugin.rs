//! Custom plugins: one document per plugin that was uploaded, with all its versions.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::plugin::{grants, limits, on_failure, opaque};
use crate::model::field::{Field, Fields, array, integer, record, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};
use crate::model::record::{Link, OnDelete};

/// The link from an assignment to the upload that it runs.
#[must_use]
pub fn held_plugin(id: Uuid) -> Link {
    Link { field: "name", target: "custom_plugins", id, on_delete: OnDelete::Restrict }
}

/// A plugin that was uploaded, by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomPlugin {
    /// Primary key.
    pub id: Uuid,
    /// What assignments call it.
    pub name: String,
    /// The version that assignments run.
    pub active_version: Option<String>,
    /// All versions, oldest first.
    pub versions: Vec<PluginVersion>,
    /// Capability -> parameters, for every assignment that has none of its own.
    #[serde(default)]
    pub grants: Option<Value>,
    /// Limits, likewise.
    #[serde(default)]
    pub limits: Option<Value>,
    /// `closed` or `open`, likewise.
    #[serde(default)]
    pub on_failure: Option<String>,
    /// A version that is being tried out beside the active one.
    #[serde(default)]
    pub canary: Option<Canary>,
    /// The last version that a node gave up; the next trial forgets it.
    #[serde(default)]
    pub rollback: Option<Rollback>,
    /// Kong's tags.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// Unix second of the first upload.
    pub created_at: i64,
    /// Unix second of the last change.
    pub updated_at: i64,
}

/// A candidate that takes a share of the exchanges until somebody decides, or a node gives it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The candidate.
    pub version: String,
    /// Its share, in percent.
    pub percent: u8,
    /// What settles which exchanges it gets.
    pub by: CanaryBy,
    /// Calls that may fail before a node gives the candidate up, in percent.
    pub max_failure_percent: u8,
    /// Calls on one node before it judges.
    pub min_calls: u64,
}

/// What settles which exchanges a candidate gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CanaryBy {
    /// Each consumer stays with one version; callers without one keep the active version.
    Consumer,
    /// Each exchange by itself.
    Random,
}

/// Who gave a candidate up, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The candidate.
    pub version: String,
    /// The node that judged it.
    pub node: Uuid,
    /// In a sentence.
    pub reason: String,
    /// Calls of the candidate that were judged.
    pub calls: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Unix second.
    pub at: i64,
}

/// One version of a plugin: immutable, known by the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginVersion {
    /// The version that the component names.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// What the component says that it is for.
    pub description: String,
    /// JSON Schema of its configuration.
    pub config_schema: Value,
    /// The phases that it exports.
    pub phases: Vec<String>,
    /// The capabilities that it asks for.
    pub capabilities: Vec<RequestedCapability>,
    /// Its place in the order of plugins.
    pub default_priority: i32,
    /// Its verdicts may say who the caller is.
    pub authenticates: bool,
    /// `per-call` or `reuse`.
    pub instances: String,
    /// What its dry run took.
    pub cost: Value,
    /// The interfaces that it imports.
    #[serde(default)]
    pub imports: Vec<String>,
    /// It can turn a configuration of an earlier version into one of its own.
    #[serde(default)]
    pub migrates: bool,
    /// Languages and tools that made it, by its own word.
    #[serde(default)]
    pub producers: Value,
    /// Ed25519 signatures of its bytes, in base64.
    #[serde(default)]
    pub signatures: Vec<String>,
    /// Unix second of the upload; zero for the plugins in the binary.
    #[serde(default)]
    pub created_at: i64,
}

/// A capability that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestedCapability {
    /// Name of an interface of the contract: `http-client`.
    pub name: String,
    /// For the operator who decides.
    pub why: String,
    /// What it needs of it.
    #[serde(default)]
    pub params: Value,
}

/// What admission made of a component: its name, and the version that it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// The name that the component gives itself.
    pub name: String,
    /// Everything else.
    pub version: PluginVersion,
}

/// Why a component was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Machine-readable: `not_a_component`, `describe_timeout`.
    pub reason: String,
    /// For the person who uploaded it.
    pub message: String,
    /// The component is not to blame: trying again later may work.
    pub again: bool,
}

/// A problem that a plugin itself has with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// RFC 6901 pointer into the configuration.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl CustomPlugin {
    /// The version of this name.
    #[must_use]
    pub fn version(&self, version: &str) -> Option<&PluginVersion> {
        self.versions.iter().find(|known| known.version == version)
    }

    /// The version that assignments run.
    #[must_use]
    pub fn active(&self) -> Option<&PluginVersion> {
        self.version(self.active_version.as_deref()?)
    }

    /// The version that is tried out, if it is another one than the active.
    #[must_use]
    pub fn candidate(&self) -> Option<(&Canary, &PluginVersion)> {
        let canary = self.canary.as_ref().filter(|canary| canary.percent > 0)?;
        let version = self.version(&canary.version)?;
        (self.active_version.as_deref() != Some(version.version.as_str())).then_some((canary, version))
    }
}

pub(super) fn kind() -> Kind {
    Kind::new("custom_plugins")
        .paths("custom-plugins", "custom-plugins")
        .special()
        .endpoint_key("name")
        .field("id", id())
        .field("name", string().required().unique().text(formats::utf8_name))
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("active_version", string())
        .field("versions", array(opaque()))
        .field("grants", grants())
        .field("limits", limits())
        .field("on_failure", on_failure())
        .field("canary", canary())
        .field("rollback", opaque())
        .field("tags", formats::tags())
}

fn canary() -> Field {
    let fields = Fields::default()
        .with("version", string().required())
        .with("percent", integer().between(0, 100).default(10).required())
        .with("by", string().one_of(&["consumer", "random"]).default("random").required())
        .with("max_failure_percent", integer().between(0, 100).default(5).required())
        .with("min_calls", integer().between(1, 1_000_000).default(100).required());
    record(fields).optional()
}
