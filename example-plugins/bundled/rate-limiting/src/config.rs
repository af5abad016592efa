//! Kong's configuration fields of `rate-limiting`.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

use crate::period::Period;

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
    /// Requests a second.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub second: Option<f64>,
    /// Requests a minute.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub minute: Option<f64>,
    /// Requests an hour.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub hour: Option<f64>,
    /// Requests a day.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub day: Option<f64>,
    /// Requests a month.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub month: Option<f64>,
    /// Requests a year.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub year: Option<f64>,
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
    /// Old name of `redis.host`.
    #[schemars(extend("x-replaced-by" = "redis.host"))]
    pub redis_host: Option<String>,
    /// Old name of `redis.port`.
    #[schemars(extend("x-replaced-by" = "redis.port"))]
    pub redis_port: Option<i64>,
    /// Old name of `redis.password`.
    #[schemars(extend("x-replaced-by" = "redis.password"))]
    pub redis_password: Option<String>,
    /// Old name of `redis.username`.
    #[schemars(extend("x-replaced-by" = "redis.username"))]
    pub redis_username: Option<String>,
    /// Old name of `redis.ssl`.
    #[schemars(extend("x-replaced-by" = "redis.ssl"))]
    pub redis_ssl: Option<bool>,
    /// Old name of `redis.ssl_verify`.
    #[schemars(extend("x-replaced-by" = "redis.ssl_verify"))]
    pub redis_ssl_verify: Option<bool>,
    /// Old name of `redis.server_name`.
    #[schemars(extend("x-replaced-by" = "redis.server_name"))]
    pub redis_server_name: Option<String>,
    /// Old name of `redis.timeout`.
    #[schemars(extend("x-replaced-by" = "redis.timeout"))]
    pub redis_timeout: Option<i64>,
    /// Old name of `redis.database`.
    #[schemars(extend("x-replaced-by" = "redis.database"))]
    pub redis_database: Option<i64>,
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

/// Where counters are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "Kong's names")]
pub enum Policy {
    Local,
    Cluster,
    Redis,
}

/// How to reach Redis.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's names")]
pub struct Redis {
    pub host: Option<String>,
    #[schemars(range(min = 0, max = 65535))]
    pub port: Option<i64>,
    #[schemars(range(min = 0, max = 2_147_483_646))]
    pub timeout: Option<i64>,
    #[schemars(extend("x-referenceable" = true))]
    pub username: Option<String>,
    #[schemars(extend("x-referenceable" = true, "x-encrypted" = true, "minLength" = 0))]
    pub password: Option<String>,
    pub database: Option<i64>,
    pub ssl: Option<bool>,
    pub ssl_verify: Option<bool>,
    pub server_name: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            second: None,
            minute: None,
            hour: None,
            day: None,
            month: None,
            year: None,
            limit_by: Some(LimitBy::Consumer),
            header_name: None,
            path: None,
            policy: Some(Policy::Local),
            fault_tolerant: true,
            hide_client_headers: false,
            error_code: Some(429.0),
            error_message: Some("API rate limit exceeded".into()),
            sync_rate: -1.0,
            redis_host: None,
            redis_port: None,
            redis_password: None,
            redis_username: None,
            redis_ssl: None,
            redis_ssl_verify: None,
            redis_server_name: None,
            redis_timeout: None,
            redis_database: None,
            redis: Redis::default(),
        }
    }
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            host: None,
            port: Some(6379),
            timeout: Some(2000),
            username: None,
            password: None,
            database: Some(0),
            ssl: Some(false),
            ssl_verify: Some(false),
            server_name: None,
        }
    }
}

impl Config {
    /// The limits that are set, shortest period first.
    pub(crate) fn limits(&self) -> Vec<(Period, f64)> {
        let all = [
            (Period::Second, self.second),
            (Period::Minute, self.minute),
            (Period::Hour, self.hour),
            (Period::Day, self.day),
            (Period::Month, self.month),
            (Period::Year, self.year),
        ];
        all.into_iter().filter_map(|(period, limit)| Some((period, limit?))).collect()
    }

    /// The status of a refusal; `None` if it is no status that a response can have.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 200 to 599")]
    pub(crate) fn status(&self) -> Option<u16> {
        let code = self.error_code.unwrap_or(429.0);
        (200.0..600.0).contains(&code).then_some(code as u16)
    }

    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let Redis { host, ssl, server_name, .. } = &self.redis;
        let other_name = server_name.is_some() && server_name != host;
        if self.policy == Some(Policy::Redis) && *ssl == Some(true) && other_name {
            let message = "must be the host: certificates are checked by it";
            problems.push(ConfigProblem::new("/redis/server_name", message));
        }
        if self.status().is_none() {
            problems.push(ConfigProblem::new("/error_code", "must be a status from 200 to 599"));
        }
        if let Some(message) = self.order_problem() {
            problems.push(ConfigProblem::new("", &message));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// A longer period cannot have the lower limit; in Kong's words.
    fn order_problem(&self) -> Option<String> {
        let limits = self.limits();
        limits.iter().enumerate().find_map(|(at, (short, low))| {
            let (long, high) = limits.iter().skip(at + 1).find(|(_, high)| high < low)?;
            let (short, long) = (short.name(), long.name());
            Some(format!(
                "The limit for {long}({high:.1}) cannot be lower than the limit for {short}({low:.1})"
            ))
        })
    }
}
