//! Services: an upstream API and how to reach it.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::Uuid;

use crate::model::check::conditional;
use crate::model::field::{array, boolean, foreign, integer, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{PROTOCOLS, created_at, id, or, reference, updated_at};
use crate::model::record::Document;
use crate::model::rule::Rule;

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
    #[serde(deserialize_with = "retries")]
    pub retries: u32,
    #[serde(deserialize_with = "timeout")]
    pub connect_timeout: u32,
    #[serde(deserialize_with = "timeout")]
    pub write_timeout: u32,
    #[serde(deserialize_with = "timeout")]
    pub read_timeout: u32,
    pub enabled: bool,
    pub tls_verify: Option<bool>,
    #[serde(default)]
    pub tls_verify_depth: Option<u8>,
    /// Ids of CA certificates.
    #[serde(default)]
    pub ca_certificates: Option<Vec<Uuid>>,
    /// Id of a certificate.
    #[serde(default, deserialize_with = "reference")]
    pub client_certificate: Option<Uuid>,
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

impl Protocol {
    /// Whether it carries bytes that the gateway does not read, as opposed to HTTP.
    pub fn is_stream(self) -> bool {
        match self {
            Self::Tcp | Self::Tls | Self::Udp | Self::TlsPassthrough => true,
            Self::Http | Self::Https | Self::Grpc | Self::Grpcs => false,
        }
    }
}

const RETRIES: u32 = 5;
const TIMEOUT_MS: u32 = 60_000;

fn retries<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    or(source, RETRIES)
}

fn timeout<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    or(source, TIMEOUT_MS)
}

pub(super) fn kind() -> Kind {
    let timeout = || integer().default(TIMEOUT_MS).between(1, 2_147_483_646);
    let only_tls = |field| {
        let plain = Rule::NotOneOf(vec!["https".into(), "tls".into()]);
        conditional("protocol", vec![plain], field, vec![Rule::Eq(Value::Null)])
    };
    let pathless = ["tcp", "tls", "udp", "grpc", "grpcs"].map(Value::from).to_vec();
    Kind::new("services")
        .endpoint_key("name")
        .field("id", id())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("name", formats::name())
        .field("retries", integer().default(RETRIES).between(0, 32_767))
        .field("protocol", string().default("http").required().one_of(&PROTOCOLS))
        .field("host", string().required().text(formats::host))
        .field("port", integer().default(80).required().between(0, 65_535))
        .field(
            "path",
            string().starts_with("/").match_none("//", "must not have empty segments").text(formats::path),
        )
        .field("connect_timeout", timeout())
        .field("write_timeout", timeout())
        .field("read_timeout", timeout())
        .field("tags", formats::tags())
        .field("client_certificate", foreign("certificates"))
        .field("tls_verify", boolean())
        .field("tls_verify_depth", integer().default(Value::Null).between(0, 64))
        .field("ca_certificates", array(string().rule(Rule::Uuid)))
        .field("enabled", boolean().default(true).required())
        .shorthand("url", string(), expand_url)
        .check(conditional("protocol", vec![Rule::OneOf(pathless)], "path", vec![Rule::Eq(Value::Null)]))
        .check(only_tls("client_certificate"))
        .check(only_tls("tls_verify"))
        .check(only_tls("tls_verify_depth"))
        .check(only_tls("ca_certificates"))
}

/// `http://example.com:8080/path` into its four fields, each of them overwritten.
fn expand_url(value: &Value) -> Document {
    let Some(text) = value.as_str() else {
        return Document::new();
    };
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, None), |at| {
        let (authority, path) = rest.split_at(at);
        (authority, Some(path))
    });
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let bracket = authority.rfind(']').unwrap_or(0);
    let (host, port) = match authority.rfind(':').filter(|at| *at > bracket) {
        Some(at) => (authority.get(..at), authority.get(at + 1..).and_then(|port| port.parse::<u32>().ok())),
        None => (Some(authority), None),
    };
    let protocol = match (scheme, port) {
        (Some(scheme), _) => scheme.to_ascii_lowercase(),
        (None, Some(443)) => "https".to_owned(),
        (None, _) => "http".to_owned(),
    };
    let default_port = if protocol == "https" { 443 } else { 80 };
    let mut fields = Document::new();
    fields.insert("host".to_owned(), host.filter(|host| !host.is_empty()).into());
    fields.insert("port".to_owned(), port.unwrap_or(default_port).into());
    fields.insert("path".to_owned(), path.into());
    fields.insert("protocol".to_owned(), protocol.into());
    fields
}
