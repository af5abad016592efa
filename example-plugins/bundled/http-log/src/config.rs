//! Kong's configuration fields of `http-log`.

use std::collections::BTreeMap;

use serde::Deserialize;
use weir_plugin_sdk::{ConfigProblem, JsonSchema, LogBatch, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("x-protocols" = ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"]))]
pub struct Config {
    /// Where to send the records: an HTTP or HTTPS URL. Credentials in it become Basic
    /// authentication.
    #[schemars(extend("x-encrypted" = true, "x-referenceable" = true))]
    pub http_endpoint: String,
    /// The method of the requests.
    #[serde(default = "post")]
    pub method: Option<Method>,
    /// The type of the body.
    #[serde(default = "json")]
    pub content_type: Option<ContentType>,
    /// How long to wait for the server, in milliseconds.
    #[serde(default = "ten_seconds")]
    pub timeout: Option<f64>,
    /// How long an idle connection is kept, in milliseconds. The gateway keeps its own time.
    #[serde(default = "a_minute")]
    pub keepalive: Option<f64>,
    /// No longer works: use `queue.max_retry_time`.
    #[serde(default)]
    pub retry_count: Option<i64>,
    /// Old name of `queue.max_batch_size`.
    #[serde(default)]
    pub queue_size: Option<i64>,
    /// Old name of `queue.max_coalescing_delay`.
    #[serde(default)]
    pub flush_timeout: Option<f64>,
    /// Further headers; those that the plugin sets itself win.
    #[serde(default)]
    #[schemars(extend("additionalProperties" = { "type": "string", "x-referenceable": true }))]
    pub headers: Option<BTreeMap<String, String>>,
    /// How records wait and are repeated.
    #[serde(default)]
    pub queue: Queue,
    /// Not supported: fields computed by Lua.
    #[serde(default)]
    pub custom_fields_by_lua: Option<BTreeMap<String, String>>,
}

/// Methods that carry a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "HTTP's own names")]
pub enum Method {
    Post,
    Put,
    Patch,
}

/// What the body may say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ContentType {
    #[serde(rename = "application/json")]
    Json,
    #[serde(rename = "application/json; charset=utf-8")]
    JsonUtf8,
}

/// Kong's queue settings. Times are in seconds.
#[derive(Debug, Clone, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default)]
pub struct Queue {
    /// Records in one request.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_batch_size: Option<u32>,
    /// How long a record may wait for others.
    #[schemars(range(min = 0, max = 3600))]
    pub max_coalescing_delay: Option<f64>,
    /// Records that may wait; the oldest are dropped beyond it.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_entries: Option<u32>,
    /// Bytes that may wait.
    pub max_bytes: Option<i64>,
    /// How long a request that fails is repeated.
    pub max_retry_time: Option<f64>,
    /// The first pause before a repetition; each further one is twice as long.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub initial_retry_delay: Option<f64>,
    /// The longest pause.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub max_retry_delay: Option<f64>,
    /// Requests at a time; -1 for any number.
    #[schemars(extend("enum" = [-1, 1, null]))]
    pub concurrency_limit: Option<i64>,
}

#[expect(clippy::unnecessary_wraps, reason = "the field may be null")]
fn post() -> Option<Method> {
    Some(Method::Post)
}

#[expect(clippy::unnecessary_wraps, reason = "the field may be null")]
fn json() -> Option<ContentType> {
    Some(ContentType::Json)
}

#[expect(clippy::unnecessary_wraps, reason = "the field may be null")]
fn ten_seconds() -> Option<f64> {
    Some(10_000.0)
}

#[expect(clippy::unnecessary_wraps, reason = "the field may be null")]
fn a_minute() -> Option<f64> {
    Some(60_000.0)
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            max_batch_size: Some(1),
            max_coalescing_delay: Some(1.0),
            max_entries: Some(10_000),
            max_bytes: None,
            max_retry_time: Some(60.0),
            initial_retry_delay: Some(0.01),
            max_retry_delay: Some(60.0),
            concurrency_limit: Some(1),
        }
    }
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

impl ContentType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonUtf8 => "application/json; charset=utf-8",
        }
    }
}

impl Config {
    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        for name in self.headers.iter().flatten().map(|(name, _)| name) {
            if let Some(message) = header_problem(name) {
                problems.push(ConfigProblem::new("/headers", &message));
            }
        }
        if self.custom_fields_by_lua.as_ref().is_some_and(|fields| !fields.is_empty()) {
            problems.push(ConfigProblem::new(
                "/custom_fields_by_lua",
                "fields computed by Lua are not supported",
            ));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The queue in the host's terms. The old names count where they were changed from what Kong
    /// shipped, as Kong does it.
    pub(crate) fn batch(&self) -> LogBatch {
        let defaults = Queue::default();
        let or = |value: Option<f64>, default: Option<f64>| value.or(default).unwrap_or_default();
        let old_size = self.queue_size.filter(|size| *size != 1).and_then(|size| u32::try_from(size).ok());
        let old_delay = self.flush_timeout.filter(|delay| (delay - 2.0).abs() > f64::EPSILON);
        let delay = old_delay.or(self.queue.max_coalescing_delay);
        LogBatch {
            max_entries: old_size.or(self.queue.max_batch_size).unwrap_or(1).max(1),
            max_delay_ms: u32::try_from(milliseconds(or(delay, defaults.max_coalescing_delay)))
                .unwrap_or(u32::MAX),
            max_queued: self.queue.max_entries.or(defaults.max_entries).unwrap_or(1),
            max_queued_bytes: self.queue.max_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            max_retry_ms: milliseconds(or(self.queue.max_retry_time, defaults.max_retry_time)),
            initial_retry_delay_ms: milliseconds(or(
                self.queue.initial_retry_delay,
                defaults.initial_retry_delay,
            )),
            max_retry_delay_ms: milliseconds(or(self.queue.max_retry_delay, defaults.max_retry_delay)),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped; `as` saturates")]
fn milliseconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

/// In Kong's words.
fn header_problem(name: &str) -> Option<String> {
    for reserved in ["Host", "Content-Length", "Content-Type"] {
        if name.eq_ignore_ascii_case(reserved) {
            return Some(format!("cannot contain '{reserved}' header"));
        }
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    let bad = name.is_empty() || !name.chars().all(allowed);
    bad.then(|| format!("bad header name '{name}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"))
}
