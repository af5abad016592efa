//! Services: an upstream API and how to reach it.

use serde::Deserialize;
use uuid::Uuid;

/// An upstream API. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/admin-api.md describes them")]
pub struct Service {
    pub id: Uuid,
    pub name: Option<String>,
    pub protocol: Protocol,
    pub host: String,
    pub port: u16,
    pub path: Option<String>,
    pub retries: u32,
    pub connect_timeout: u32,
    pub write_timeout: u32,
    pub read_timeout: u32,
    pub enabled: bool,
    pub tls_verify: Option<bool>,
    #[serde(default)]
    pub tags: Option<Vec<String>>,
}

/// How a service or a route is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Http,
    Https,
    Grpc,
    Grpcs,
    Tcp,
    Tls,
    Udp,
    TlsPassthrough,
}
