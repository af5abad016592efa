//! Upstreams and targets as the balancer reads them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{or, reference};

/// Kong's default.
pub(super) const SLOTS: u32 = 10_000;

/// A name behind which targets share the load.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/balancing.md describes them")]
pub struct Upstream {
    pub id: Uuid,
    pub name: String,
    #[serde(default)]
    pub algorithm: Algorithm,
    #[serde(default)]
    pub hash_on: HashOn,
    #[serde(default)]
    pub hash_fallback: HashOn,
    pub hash_on_header: Option<String>,
    pub hash_fallback_header: Option<String>,
    pub hash_on_cookie: Option<String>,
    pub hash_on_cookie_path: Option<String>,
    pub hash_on_query_arg: Option<String>,
    pub hash_fallback_query_arg: Option<String>,
    pub hash_on_uri_capture: Option<String>,
    pub hash_fallback_uri_capture: Option<String>,
    #[serde(default = "default_slots", deserialize_with = "slots")]
    pub slots: u32,
    #[serde(default)]
    pub healthchecks: HealthChecks,
    pub host_header: Option<String>,
    /// Id of a certificate.
    #[serde(default, deserialize_with = "reference")]
    pub client_certificate: Option<Uuid>,
    #[serde(default)]
    pub use_srv_name: Option<bool>,
}

fn default_slots() -> u32 {
    SLOTS
}

fn slots<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    or(source, SLOTS)
}

/// How a target is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Algorithm {
    #[default]
    RoundRobin,
    ConsistentHashing,
    LeastConnections,
    Latency,
}

/// What a request is hashed by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum HashOn {
    #[default]
    None,
    Consumer,
    Ip,
    Header,
    Cookie,
    Path,
    QueryArg,
    UriCapture,
}

/// How the health of targets is found out.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's field names; docs/balancing.md describes them")]
pub struct HealthChecks {
    pub active: ActiveChecks,
    pub passive: PassiveChecks,
    /// Percent of the weight that must be available, and more.
    pub threshold: f64,
}

/// Probes. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's field names; docs/balancing.md describes them")]
pub struct ActiveChecks {
    #[serde(rename = "type")]
    pub kind: ProbeKind,
    pub timeout: f64,
    pub concurrency: u32,
    pub http_path: Option<String>,
    pub https_sni: Option<String>,
    pub https_verify_certificate: bool,
    pub headers: Option<BTreeMap<String, Vec<String>>>,
    pub healthy: HealthyRule,
    pub unhealthy: UnhealthyRule,
}

/// What is learnt from the requests of clients.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's field names; docs/balancing.md describes them")]
pub struct PassiveChecks {
    #[serde(rename = "type")]
    pub kind: ProbeKind,
    pub healthy: HealthyRule,
    pub unhealthy: UnhealthyRule,
}

/// What counts as a success, and how many make a target healthy; 0 is never.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's field names; docs/balancing.md describes them")]
pub struct HealthyRule {
    pub interval: f64,
    pub http_statuses: Vec<u16>,
    pub successes: u8,
}

/// What counts as a failure, and how many make a target unhealthy; 0 is never.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's field names; docs/balancing.md describes them")]
pub struct UnhealthyRule {
    pub interval: f64,
    pub http_statuses: Vec<u16>,
    pub tcp_failures: u8,
    pub timeouts: u8,
    pub http_failures: u8,
}

/// How a target is probed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ProbeKind {
    Tcp,
    #[default]
    Http,
    Https,
    Grpc,
    Grpcs,
}

impl Default for ActiveChecks {
    fn default() -> Self {
        Self {
            kind: ProbeKind::Http,
            timeout: 1.0,
            concurrency: 10,
            http_path: None,
            https_sni: None,
            https_verify_certificate: true,
            headers: None,
            healthy: HealthyRule::default(),
            unhealthy: UnhealthyRule::default(),
        }
    }
}

impl HealthChecks {
    /// Whether anything could ever change the state of a target (Kong's HEALTHCHECKS_OFF otherwise).
    #[must_use]
    pub fn are_on(&self) -> bool {
        let passive = &self.passive.unhealthy;
        self.active.healthy.interval > 0.0
            || self.active.unhealthy.interval > 0.0
            || passive.tcp_failures > 0
            || passive.timeouts > 0
            || passive.http_failures > 0
    }
}

/// One place that an upstream may send requests to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Target {
    /// Primary key.
    pub id: Uuid,
    /// The upstream that it belongs to.
    #[serde(deserialize_with = "reference")]
    pub upstream: Option<Uuid>,
    /// `host:port`, IPv6 addresses in brackets.
    pub target: String,
    /// Its share; 0 is none.
    #[serde(deserialize_with = "weight")]
    pub weight: u32,
}

fn weight<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    or(source, 100)
}
