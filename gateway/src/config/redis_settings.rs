//! How to reach a server of Redis.

use std::net::Ipv6Addr;
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

    /// `host:port`, for the log.
    pub fn server(&self) -> String {
        let Self { host, port, .. } = self;
        if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_so_that_its_port_can_be_told() {
        for (host, want) in [
            ("redis.example", "redis.example:6379"),
            ("192.0.2.1", "192.0.2.1:6379"),
            ("2001:db8::1", "[2001:db8::1]:6379"),
        ] {
            let settings = RedisSettings {
                host: host.into(),
                port: 6379,
                username: None,
                password: SecretString::default(),
                database: 0,
                ssl: false,
                ssl_verify: false,
                timeout: Duration::ZERO,
            };
            assert_eq!(settings.server(), want);
        }
    }
}
