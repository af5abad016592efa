//! Where the store is, and how long it may take to answer.
//!
//! It does not read the environment: `config` does, and hands the values over.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::StoreError;

/// How long a connection that was idle, or is given back, may take to say that it is there.
pub(super) const PING: Duration = Duration::from_secs(1);

/// How long one operation waits for a connection, the opening of one included.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1500);

/// A server that answered within this time is given the time above twice.
pub(super) const LATELY: Duration = Duration::from_secs(10);

/// How long one small operation may take as a whole.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a read of everything, a bulk write or a component of many megabytes may take.
pub(super) const LONG_OPERATION_TIMEOUT: Duration = Duration::from_secs(120);

/// Said to Postgres on every new connection.
///
/// A node that loses its power or its link inside a write holds the lock of the revision row; the server
/// lets go after the idle time, before the writers of other nodes have waited in vain.
pub(super) const POSTGRES_SESSION: &str = "SET statement_timeout = '60s'; SET lock_timeout = '4s'; \
     SET idle_in_transaction_session_timeout = '3s'; SET tcp_keepalives_idle = 15; \
     SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// Which database holds the configuration.
#[derive(Debug, Clone)]
pub enum StoreSettings {
    /// A SQLite file, made if absent. One process writes it at a time.
    Sqlite {
        /// The database file; `-wal` and `-shm` files appear beside it.
        path: PathBuf,
    },
    /// SQLite in memory: everything is gone when the last clone of the store is dropped.
    Memory,
    /// A Postgres server, shared by any number of gateways.
    Postgres(PostgresSettings),
    /// `postgres://…` or `sqlite:…`, the password included.
    Url(SecretString),
}

/// How to reach Postgres.
#[derive(Debug, Clone)]
pub struct PostgresSettings {
    /// Host name, address, or the folder of a Unix socket if it begins with `/`.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role to log in as.
    pub user: String,
    /// Its password; empty for none.
    pub password: SecretString,
    /// Database name.
    pub database: String,
    /// Whether the connection is encrypted.
    pub ssl: SslMode,
}

/// Whether the connection to Postgres is encrypted, and whom it trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Plain.
    #[default]
    Off,
    /// Encrypted; any certificate will do.
    Require,
    /// Encrypted; the certificate must be for this host and from a known authority.
    Verify {
        /// PEM file of the authorities to trust, in place of the built-in ones.
        authorities: Option<PathBuf>,
    },
}

impl PostgresSettings {
    pub(super) fn options(&self) -> PgConnectOptions {
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .username(&self.user)
            .database(&self.database);
        if !self.password.expose_secret().is_empty() {
            options = options.password(self.password.expose_secret());
        }
        match &self.ssl {
            SslMode::Off => options.ssl_mode(PgSslMode::Disable),
            SslMode::Require => options.ssl_mode(PgSslMode::Require),
            SslMode::Verify { authorities: None } => options.ssl_mode(PgSslMode::VerifyFull),
            SslMode::Verify { authorities: Some(path) } => {
                options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(path)
            }
        }
    }
}

/// What a URL stands for.
pub(super) enum Target {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
    Memory,
}

impl StoreSettings {
    pub(super) fn target(&self) -> Result<Target, StoreError> {
        Ok(match self {
            Self::Sqlite { path } => Target::Sqlite(path.clone()),
            Self::Memory => Target::Memory,
            Self::Postgres(settings) => Target::Postgres(Box::new(settings.options())),
            Self::Url(url) => parse(url.expose_secret())?,
        })
    }
}

fn parse(url: &str) -> Result<Target, StoreError> {
    if let Some(rest) = url.strip_prefix("sqlite:") {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        return Ok(match path {
            "" | ":memory:" => Target::Memory,
            path => Target::Sqlite(PathBuf::from(path)),
        });
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        // The cause is left out: it may quote the password.
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Settings("the postgres URL cannot be read".into()))?;
        return Ok(Target::Postgres(Box::new(options)));
    }
    Err(StoreError::Settings("a database URL begins with postgres:// or sqlite:".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_their_database() {
        for (case, url, want) in [
            ("a relative file", "sqlite:weir.db", Some("weir.db")),
            ("an absolute file", "sqlite:///var/lib/weir.db", Some("/var/lib/weir.db")),
            ("memory", "sqlite::memory:", None),
        ] {
            let target = StoreSettings::Url(SecretString::from(url)).target().unwrap();
            match (target, want) {
                (Target::Sqlite(path), Some(want)) => assert_eq!(path.to_str(), Some(want), "{case}"),
                (Target::Memory, None) => {}
                (Target::Sqlite(_) | Target::Memory | Target::Postgres(_), _) => panic!("{case}"),
            }
        }
        let target =
            StoreSettings::Url(SecretString::from("postgres://weir:secret@db:6432/gateway")).target();
        let Ok(Target::Postgres(options)) = target else { panic!("a postgres URL") };
        assert_eq!((options.get_host(), options.get_port()), ("db", 6432));
    }

    #[test]
    fn a_bad_url_is_refused_without_its_password() {
        for url in ["mysql://a:hunter2@b/c", "postgres://a:hunter2@[/c"] {
            let refused =
                StoreSettings::Url(SecretString::from(url)).target().err().map(|error| error.to_string());
            let text = refused.unwrap_or_default();
            assert!(!text.is_empty() && !text.contains("hunter2"), "{url}: {text}");
        }
    }
}
