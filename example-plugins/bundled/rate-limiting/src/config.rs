//! Kong's configuration fields of `rate-limiting`.

use limits::{Amounts, OldRedisNames, Policy, Redis};
use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-checks" = serde_json::json!([
    {"at_least_one_of": ["second", "minute", "hour", "day", "month", "year"]},
    {"conditional": {"if_field": "policy", "if_match": {"eq": "redis"}, "then_field": "redis.host", "then_match": {"required": true}}},
    {"conditional": {"if_field": "policy", "if_match": {"eq": "redis"}, "then_field": "redis.port", "then_match": {"required": true}}},
    {"conditional": {"if_field": "policy", "if_match": {"eq": "redis"}, "then_field": "redis.timeout", "then_match": {"required": true}}},
    {"conditional": {"if_field": "limit_by", "if_match": {"eq": "header"}, "then_field": "header_name", "then_match": {"required": true}}},
    {"conditional": {"if_field": "limit_by", "if_match": {"eq": "path"}, "then_field": "path", "then_match": {"required": true}}},
])))]
pub struct Config {
    /// How many requests fit into which period.
    #[serde(flatten)]
    pub amounts: Amounts,
    /// Whose requests are counted together. Where a request has no such thing, the client's
    /// address stands in.
    pub limit_by: Option<LimitBy>,
    /// The header to count by, for `limit_by: header`.
    pub header_name: Option<String>,
    /// The path to count, for `limit_by: path`.
    #[schemars(pattern(r"^/([^/]+/)*[^/]*$"))]
    pub path: Option<String>,
    /// Where counters are kept: in the memory of each node, in the gateway's database (`cluster`), or in Redis.
    pub policy: Option<Policy>,
    /// Let requests through when counters cannot be read.
    pub fault_tolerant: bool,
    /// For `policy: redis`.
    pub redis: Redis,
    /// Leave the `X-RateLimit-*` and `RateLimit-*` headers out.
    pub hide_client_headers: bool,
    /// The status for a request over the limit.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub error_code: Option<f64>,
    /// The message for a request over the limit.
    pub error_message: Option<String>,
    /// For `policy: redis`. Each request is counted there at once, whatever this says.
    pub sync_rate: f64,
    /// Old names of the fields of `redis`.
    #[serde(flatten)]
    pub old_names: OldRedisNames,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LimitBy {
    Consumer,
    Credential,
    Ip,
    Service,
    Header,
    Path,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            amounts: Amounts::default(),
            limit_by: Some(LimitBy::Consumer),
            header_name: None,
            path: None,
            policy: Some(Policy::Local),
            fault_tolerant: true,
            hide_client_headers: false,
            error_code: Some(429.0),
            error_message: Some("API rate limit exceeded".into()),
            sync_rate: -1.0,
            old_names: OldRedisNames::default(),
            redis: Redis::default(),
        }
    }
}

impl Config {
    /// The status of a refusal; `None` if it is no status that a response can have.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 200 to 599")]
    pub(crate) fn status(&self) -> Option<u16> {
        let code = self.error_code.unwrap_or(429.0);
        (200.0..600.0).contains(&code).then_some(code as u16)
    }

    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        if self.policy == Some(Policy::Redis) {
            problems.extend(self.redis.problem());
        }
        if self.status().is_none() {
            problems.push(ConfigProblem::new("/error_code", "must be a status from 200 to 599"));
        }
        if let Some(problem) = self.amounts.order_problem() {
            problems.push(ConfigProblem::new("", &format!("The {problem}")));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
