//! Kong's configuration fields of `response-ratelimiting`.

use std::collections::BTreeMap;

use limits::{Amounts, OldRedisNames, Policy, Redis};
use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

/// Limits of all names and periods together. Each has two headers, and a refusal has room for 200.
const MOST: usize = 100;

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("x-checks" = serde_json::json!([
    {"conditional": {"if_field": "policy", "if_match": {"eq": "redis"}, "then_field": "redis.host", "then_match": {"required": true}}},
    {"conditional": {"if_field": "policy", "if_match": {"eq": "redis"}, "then_field": "redis.port", "then_match": {"required": true}}},
    {"conditional": {"if_field": "policy", "if_match": {"eq": "redis"}, "then_field": "redis.timeout", "then_match": {"required": true}}},
])))]
pub struct Config {
    /// The response header in which the upstream says what a request has used: `video=3, image=1`.
    #[serde(default = "x_kong_limit")]
    pub header_name: Option<String>,
    /// Whose requests are counted together. Where a request has no such thing, the client's address stands in.
    #[serde(default = "by_consumer")]
    pub limit_by: Option<LimitBy>,
    /// Where counters are kept: in the memory of each node, in the database, or in Redis.
    #[serde(default = "local")]
    pub policy: Option<Policy>,
    /// Let requests through when counters cannot be read.
    #[serde(default = "yes")]
    pub fault_tolerant: bool,
    /// For `policy: redis`.
    #[serde(default)]
    pub redis: Redis,
    /// Refuse every request as soon as one of the limits is used up.
    #[serde(default)]
    pub block_on_first_violation: bool,
    /// Leave the `X-RateLimit-*` headers out of responses.
    #[serde(default)]
    pub hide_client_headers: bool,
    /// Limits by the names that the upstream uses.
    #[schemars(extend("minProperties" = 1))]
    pub limits: BTreeMap<String, Limit>,
    /// Their values stand in `redis`.
    #[serde(flatten)]
    pub old: OldRedisNames,
}

/// The limits of one name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-checks" = serde_json::json!([
    {"at_least_one_of": ["second", "minute", "hour", "day", "month", "year"]},
])))]
pub struct Limit(pub Amounts);

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LimitBy {
    /// By consumer, or else by credential.
    Consumer,
    /// By credential.
    Credential,
    /// By the address of the client.
    Ip,
}

#[expect(clippy::unnecessary_wraps, reason = "the field may be null")]
fn x_kong_limit() -> Option<String> {
    Some("x-kong-limit".into())
}

#[expect(clippy::unnecessary_wraps, reason = "the field may be null")]
fn by_consumer() -> Option<LimitBy> {
    Some(LimitBy::Consumer)
}

#[expect(clippy::unnecessary_wraps, reason = "the field may be null")]
fn local() -> Option<Policy> {
    Some(Policy::Local)
}

fn yes() -> bool {
    true
}

impl Config {
    /// The response header, in lower case.
    pub(crate) fn header(&self) -> String {
        self.header_name.clone().or_else(x_kong_limit).unwrap_or_default().to_ascii_lowercase()
    }

    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        if !is_header_name(&self.header()) {
            problems.push(ConfigProblem::new("/header_name", "must be the name of a header"));
        }
        if self.policy == Some(Policy::Redis) {
            problems.extend(self.redis.problem());
        }
        problems.extend(self.limits_problem().map(|message| ConfigProblem::new("/limits", &message)));
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn limits_problem(&self) -> Option<String> {
        let count: usize = self.limits.values().map(|limit| limit.0.set().len()).sum();
        if count > MOST {
            return Some(format!("there can be {MOST} limits at most, of all names and periods together"));
        }
        self.limits.iter().find_map(|(name, limit)| {
            if !is_header_name(name) {
                return Some(format!("the name '{name}' cannot be part of the name of a header"));
            }
            limit.0.order_problem().map(|problem| format!("the {problem}"))
        })
    }
}

/// Whether it is a token (RFC 9110 section 5.6.2).
fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
