//! A file with requests: what the gateway would know, and what is asked of it.

use std::collections::BTreeMap;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::RehearsalError;
use super::body::Body;

/// A fixed moment, so that answers which show the time are the same every time: 2026-01-01.
const NOW_UNIX_MS: u64 = 1_767_225_600_000;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// `config` of the assignment.
    #[serde(default)]
    pub(super) config: Value,
    /// `sandbox.grants` of the assignment; whatever the plugin asks for if absent.
    pub(super) grants: Option<Value>,
    /// `sandbox.limits` of the assignment.
    pub(super) limits: Option<Value>,
    /// `sandbox.on_failure` of the assignment.
    pub(super) on_failure: Option<Value>,
    #[serde(default = "now")]
    pub(super) now_unix_ms: u64,
    #[serde(default)]
    pub(super) consumers: Vec<ConsumerCase>,
    #[serde(default)]
    pub(super) credentials: Vec<CredentialCase>,
    /// Every look-up of a consumer or credential fails with this.
    pub(super) credentials_error: Option<String>,
    /// What other hosts answer to the plugin's own requests.
    #[serde(default)]
    pub(super) http: Vec<HttpCase>,
    pub(super) requests: Vec<Scene>,
}

fn now() -> u64 {
    NOW_UNIX_MS
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsumerCase {
    /// Made from the username if absent.
    pub(super) id: Option<uuid::Uuid>,
    pub(super) username: String,
    pub(super) custom_id: Option<String>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialCase {
    /// For instance `keyauth_credentials`.
    pub(super) kind: String,
    pub(super) key: String,
    /// The username of its consumer.
    pub(super) consumer: String,
    /// What the Admin API would print, besides `key`.
    #[serde(default)]
    pub(super) data: serde_json::Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpCase {
    #[serde(default = "get")]
    pub(super) method: String,
    pub(super) url: String,
    #[serde(flatten)]
    pub(super) answer: HttpAnswer,
}

/// `answer` or `error`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum HttpAnswer {
    Answer(Reply),
    Error(HttpFault),
}

/// Why an outside host does not answer.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HttpFault {
    Dns,
    Connect,
    Tls,
    Timeout,
    TooLarge,
    Protocol,
}

/// An answer of the upstream, or of another host.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    #[serde(default = "ok")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: Fields,
    #[serde(default)]
    pub(super) body: Body,
    #[serde(default)]
    pub(super) trailers: Fields,
}

impl Default for Reply {
    fn default() -> Self {
        Self { status: ok(), headers: Fields::default(), body: Body::default(), trailers: Fields::default() }
    }
}

/// One request, and what the upstream would answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scene {
    pub(super) name: String,
    /// The clock moves on before the request.
    #[serde(default)]
    pub(super) after_ms: u64,
    pub(super) request: RequestCase,
    #[serde(default)]
    pub(super) upstream: Reply,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestCase {
    #[serde(default = "get")]
    pub(super) method: String,
    /// With its query.
    #[serde(default = "slash")]
    pub(super) path: String,
    #[serde(default = "example")]
    pub(super) host: String,
    #[serde(default)]
    pub(super) headers: Fields,
    #[serde(default)]
    pub(super) body: Body,
    #[serde(default)]
    pub(super) trailers: Fields,
    #[serde(default = "address")]
    pub(super) client_ip: std::net::IpAddr,
}

/// Headers by name; a name may have several values.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Fields(BTreeMap<String, Values>);

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

fn get() -> String {
    "GET".to_owned()
}

fn slash() -> String {
    "/".to_owned()
}

fn example() -> String {
    "example.com".to_owned()
}

fn ok() -> u16 {
    200
}

fn address() -> std::net::IpAddr {
    [192, 0, 2, 1].into()
}

impl Case {
    pub(super) fn read(file: &Path) -> Result<Self, RehearsalError> {
        let wrong = |reason: String| RehearsalError::Case { path: file.to_owned(), reason };
        let text = std::fs::read_to_string(file)
            .map_err(|source| RehearsalError::File { path: file.to_owned(), source })?;
        // JSON is YAML.
        let case: Self = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        case.check().map_err(wrong)?;
        Ok(case)
    }

    fn check(&self) -> Result<(), String> {
        for (at, scene) in self.requests.iter().enumerate() {
            let wrong = |what: &str| format!("request `{}`: {what}", scene.name);
            if self.requests.iter().take(at).any(|earlier| earlier.name == scene.name) {
                return Err(wrong("another one has this name"));
            }
            let RequestCase { method, path, headers, trailers, .. } = &scene.request;
            method.parse::<http::Method>().map_err(|_| wrong("`method` is not one of HTTP"))?;
            path.parse::<http::Uri>().map_err(|_| wrong("`path` cannot be sent"))?;
            for headers in [headers, trailers, &scene.upstream.headers, &scene.upstream.trailers] {
                headers.map().map_err(|error| wrong(&error))?;
            }
            status(scene.upstream.status).map_err(|error| wrong(&error))?;
        }
        for credential in &self.credentials {
            if !self.consumers.iter().any(|consumer| consumer.username == credential.consumer) {
                return Err(format!("no consumer `{}`, whose a credential is to be", credential.consumer));
            }
        }
        Ok(())
    }
}

impl Fields {
    pub(super) fn map(&self) -> Result<HeaderMap, String> {
        let mut map = HeaderMap::new();
        for (name, values) in &self.0 {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            for value in values {
                let name =
                    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("bad header `{name}`"))?;
                let value = HeaderValue::from_bytes(value.as_bytes());
                map.append(&name, value.map_err(|_| format!("bad value of header `{name}`"))?);
            }
        }
        Ok(map)
    }
}

pub(super) fn status(number: u16) -> Result<http::StatusCode, String> {
    http::StatusCode::from_u16(number).map_err(|_| format!("{number} is not a status"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Case, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("case.yaml");
        std::fs::write(&file, text).unwrap();
        Case::read(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn json_is_read_as_well() {
        let case =
            read(r#"{"requests": [{"name": "a", "request": {"headers": {"x": ["1", "2"]}}}]}"#).unwrap();
        let headers = case.requests[0].request.headers.map().unwrap();
        assert_eq!(headers.get_all("x").iter().count(), 2);
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_its_place() {
        for (text, want) in [
            ("requests: [{name: a, request: {}}, {name: a, request: {}}]", "another one has this name"),
            ("requests: [{name: a, request: {method: 'G T'}}]", "`method`"),
            ("requests: [{name: a, request: {headers: {'x y': b}}}]", "bad header `x y`"),
            ("requests: [{name: a, request: {}, upstream: {status: 7}}]", "7 is not a status"),
            ("requests: []\ncredentials: [{kind: k, key: x, consumer: bob}]", "no consumer `bob`"),
            ("requests: []\nconfg: {}", "confg"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
