//! How to reach a server of Redis.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// How to reach Redis.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the settings without redis_; docs/configuration.md describes them")]
pub struct RedisSettings {
    pub host: String,
    pub port: u16,
    /// `None` is Redis's default user.
    pub username: Option<String>,
    /// Empty for none.
    pub password: SecretString,
    pub database: u32,
    pub ssl: bool,
    pub ssl_verify: bool,
    pub timeout: Duration,
}

impl RedisSettings {
    /// Whether it is the same server, spoken to in the same way.
    pub fn is_the_same(&self, other: &Self) -> bool {
        let Self { host, port, username, password, database, ssl, ssl_verify, timeout } = self;
        (host, port, username) == (&other.host, &other.port, &other.username)
            && (database, ssl, ssl_verify, timeout)
                == (&other.database, &other.ssl, &other.ssl_verify, &other.timeout)
            && password.expose_secret() == other.password.expose_secret()
    }
}
