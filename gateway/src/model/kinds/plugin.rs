//! Plugin assignments: a row of `plugins`.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::reference;
use super::service::Protocol;
use crate::model::Document;
use crate::model::field::{Field, Fields, boolean, foreign, integer, json, map, record, set, string};
use crate::model::formats;
use crate::model::kind::{Kind, Variants};
use crate::model::kinds::{PROTOCOLS, created_at, id, updated_at};

/// Which plugin runs where, with which configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/admin-api.md describes them")]
pub struct Plugin {
    pub id: Uuid,
    pub name: String,
    pub instance_name: Option<String>,
    #[serde(deserialize_with = "reference")]
    pub route: Option<Uuid>,
    #[serde(deserialize_with = "reference")]
    pub service: Option<Uuid>,
    #[serde(deserialize_with = "reference")]
    pub consumer: Option<Uuid>,
    /// Not in rows that are older than the field.
    #[serde(default, deserialize_with = "reference")]
    pub consumer_group: Option<Uuid>,
    pub config: Document,
    /// Of requests, of streams, or of both.
    #[serde(default)]
    pub protocols: Vec<Protocol>,
    pub enabled: bool,
    /// Grants, limits and failure policy of this assignment; null takes those of the plugin.
    #[serde(default)]
    pub sandbox: Option<Value>,
}

impl Plugin {
    /// Whether it takes part in streams.
    pub fn is_for_streams(&self) -> bool {
        self.protocols.iter().any(|protocol| protocol.is_stream())
    }

    /// Whether it takes part in requests, as it does if nothing else is said.
    pub fn is_for_requests(&self) -> bool {
        self.protocols.is_empty() || !self.protocols.iter().all(|protocol| protocol.is_stream())
    }
}

pub(super) fn kind() -> Kind {
    let protocols = set(string().one_of(&PROTOCOLS)).default(vec!["grpc", "grpcs", "http", "https"]);
    let mut config = record(Fields::default());
    config.open = true;
    Kind::new("plugins")
        .endpoint_key("instance_name")
        .field("id", id())
        .field("name", string().required())
        .field("instance_name", formats::name())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("route", foreign("routes").default(Value::Null).cascade())
        .field("service", foreign("services").default(Value::Null).cascade())
        .field("consumer", foreign("consumers").default(Value::Null).cascade())
        .field("consumer_group", foreign("consumer_groups").default(Value::Null).cascade())
        // Which of its fields are secrets only the plugin knows, and not every plugin says.
        .field("config", config.secret())
        .field("protocols", protocols.required())
        .field("enabled", boolean().default(true).required())
        .field("tags", formats::tags())
        .field("sandbox", sandbox())
        .unique_together("name,route,service,consumer", &["name", "route", "service", "consumer"])
        .also_told_apart_by("consumer_group")
        .variants(Variants::Given {
            field: "name",
            unknown: "plugin '%s' not enabled; add it to the 'plugins' configuration property",
        })
}

/// What the operator grants and how far the plugin may go; null leaves the gateway's defaults.
fn sandbox() -> Field {
    let fields = Fields::default()
        .with("grants", grants())
        .with("limits", limits())
        .with("on_failure", on_failure())
        .with("on_failure_by_cause", on_failure_by_cause())
        .with("breaker", breaker())
        .with("instances", string().one_of(&["per-call", "reuse"]));
    record(fields).optional()
}

/// The interfaces of the contract that can be granted.
pub const CAPABILITIES: [&str; 15] = [
    "body",
    "clock",
    "credentials",
    "crypto",
    "exchange",
    "http-client",
    "local-cache",
    "local-counters",
    "log-file",
    "logging",
    "metrics",
    "random",
    "secrets",
    "shared-counters",
    "shared-kv",
];

/// Capability name -> its parameters, an empty record for none.
pub(super) fn grants() -> Field {
    let mut parameters = record(Fields::default());
    parameters.open = true;
    map(string().one_of(&CAPABILITIES), parameters)
}

/// Ends of what one call or one exchange may use.
pub(super) fn limits() -> Field {
    let fields = Fields::default()
        .with("guest_ms_per_call", integer().between(1, 60_000))
        .with("wall_ms_per_exchange", integer().between(1, 600_000))
        .with("memory_mib", integer().between(1, 4_096))
        .with("host_calls", integer().between(1, 1_000_000))
        .with("outbound_bytes", integer().between(1, 1 << 30))
        .with("log_lines_per_second", integer().between(1, 1_000_000))
        .with("log_bytes_per_second", integer().between(1, 1 << 30))
        .with("attribute_bytes", integer().between(1, 16_384))
        .with("instances", integer().between(1, 100_000));
    record(fields).optional()
}

/// The same by what made the call fail; what is not said falls back on `on_failure`.
fn on_failure_by_cause() -> Field {
    let causes = ["trap", "failure", "timeout", "capacity", "load"];
    let fields = causes.into_iter().fold(Fields::default(), |fields, cause| fields.with(cause, on_failure()));
    record(fields).optional()
}

/// When a plugin that keeps failing is left alone, and for how long at first.
fn breaker() -> Field {
    let fields = Fields::default()
        .with("failures", integer().between(0, 1_000_000))
        .with("percent", integer().between(1, 100))
        .with("rest_ms", integer().between(1, 60_000));
    record(fields).optional()
}

/// What a failed call does to the request.
pub(super) fn on_failure() -> Field {
    string().one_of(&["closed", "open"])
}

/// Any JSON value, for parts of a document that the gateway writes itself.
pub(super) fn opaque() -> Field {
    json()
}
