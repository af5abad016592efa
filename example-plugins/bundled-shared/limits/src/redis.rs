//! How Kong's configurations describe a server of Redis.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

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

/// Names that the fields of [`Redis`] once had. To be flattened into the configuration whose field `redis` is one.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct OldRedisNames {
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

impl Redis {
    /// What a server that is to be used cannot have.
    pub fn problem(&self) -> Option<ConfigProblem> {
        let named = self.server_name.as_deref().filter(|name| !name.is_empty());
        let is_other = self.ssl == Some(true) && named.is_some() && named != self.host.as_deref();
        let message = "must be the host or empty: certificates are checked by the host";
        is_other.then(|| ConfigProblem::new("/redis/server_name", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Amounts;

    /// A configuration as a plugin has it.
    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(default)]
    #[schemars(extend("x-checks" = serde_json::json!([])))]
    struct Config {
        #[serde(flatten)]
        amounts: Amounts,
        redis: Redis,
        #[serde(flatten)]
        old: OldRedisNames,
    }

    #[test]
    fn records_can_be_flattened_into_a_configuration() {
        let flattened = weir_plugin_sdk::schema::of::<Config>();
        let fields =
            |schema: &serde_json::Value| schema["properties"].as_object().cloned().unwrap_or_default();
        for one in [weir_plugin_sdk::schema::of::<Amounts>(), weir_plugin_sdk::schema::of::<OldRedisNames>()]
        {
            for (name, field) in fields(&one) {
                assert_eq!(flattened["properties"][&name], field, "{name}");
            }
        }
        assert_eq!(flattened["properties"]["redis"]["properties"]["port"]["default"], 6379);
        assert_eq!(flattened["x-checks"], serde_json::json!([]));
        assert_eq!(fields(&flattened).len(), 16, "{flattened}");
        let read: Config =
            serde_json::from_str(r#"{"minute": 5, "redis": {"host": "a"}, "redis_port": 1}"#).unwrap();
        assert_eq!(
            (read.amounts.minute, read.redis.host.as_deref(), read.old.redis_port),
            (Some(5.0), Some("a"), Some(1))
        );
    }

    #[test]
    fn a_certificate_is_checked_by_the_host() {
        for (case, ssl, name, host, fits) in [
            ("none", true, None, "a", true),
            ("empty", true, Some(""), "a", true),
            ("the host", true, Some("a"), "a", true),
            ("another", true, Some("b"), "a", false),
            ("another, without TLS", false, Some("b"), "a", true),
        ] {
            let (server_name, host) = (name.map(str::to_owned), Some(host.to_owned()));
            let redis = Redis { host, server_name, ssl: Some(ssl), ..Redis::default() };
            assert_eq!(redis.problem().is_none(), fits, "{case}");
        }
    }
}
