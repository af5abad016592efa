//! The operator's choice of a database as the store's.

use super::{PostgresSettings, SslMode, StoreSettings};
use crate::config;

impl From<&config::Settings> for StoreSettings {
    fn from(settings: &config::Settings) -> Self {
        (&settings.database).into()
    }
}

impl From<&config::Database> for StoreSettings {
    fn from(chosen: &config::Database) -> Self {
        match chosen {
            config::Database::Off { path } => Self::Sqlite { path: path.clone() },
            config::Database::Sqlite { path } => Self::Sqlite { path: path.clone() },
            config::Database::Url(url) => Self::Url(url.clone()),
            config::Database::Postgres(settings) => Self::Postgres(settings.into()),
        }
    }
}

impl From<&config::PostgresSettings> for PostgresSettings {
    fn from(settings: &config::PostgresSettings) -> Self {
        let config::PostgresSettings { host, port, user, password, database, ssl, ssl_verify } = settings;
        Self {
            host: host.clone(),
            port: *port,
            user: user.clone(),
            password: password.clone(),
            database: database.clone(),
            ssl: match (ssl, ssl_verify) {
                (false, _) => SslMode::Off,
                (true, false) => SslMode::Require,
                (true, true) => SslMode::Verify { authorities: None },
            },
        }
    }
}
