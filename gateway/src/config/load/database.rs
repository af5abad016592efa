//! Which database, and who runs its migrations.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use super::word;
use crate::config::reader::Reader;
use crate::config::settings::{Database, Migrate, PostgresSettings};
use crate::config::units;
use crate::sealing::Keyring;

#[derive(Clone, Copy, Default, PartialEq)]
enum Kind {
    Off,
    #[default]
    Sqlite,
    Postgres,
}

pub(super) fn read(reader: &mut Reader, prefix: &Path) -> Database {
    let kinds = [("sqlite", Kind::Sqlite), ("postgres", Kind::Postgres), ("off", Kind::Off)];
    let kind = reader.read("database", |text| word(text, &kinds));
    // Read even when not used: a wrong value is a mistake today or tomorrow.
    let postgres = postgres(reader);
    let url = reader.text("database_url").trim().to_owned();
    if !url.is_empty() {
        return by_url(reader, kind, url);
    }
    match kind {
        Kind::Off => Database::Off,
        Kind::Sqlite => Database::Sqlite { path: prefix.join("weir.db") },
        Kind::Postgres => Database::Postgres(postgres),
    }
}

fn by_url(reader: &mut Reader, kind: Kind, url: String) -> Database {
    let of_url = match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => Some(Kind::Postgres),
        Some("sqlite") => Some(Kind::Sqlite),
        Some(_) | None => None,
    };
    let allowed = || "allowed: postgres://user:password@host:port/database".to_owned();
    match of_url {
        None => reader.complain("database_url", "this is not the URL of a database".to_owned(), allowed()),
        Some(other) if reader.is_set("database") && other != kind => {
            let problem =
                format!("database is '{}', and this URL names another kind", reader.text("database"));
            reader.complain("database_url", problem, allowed());
        }
        Some(_) => {}
    }
    Database::Url(SecretString::from(url))
}

fn postgres(reader: &mut Reader) -> PostgresSettings {
    PostgresSettings {
        host: reader.read("pg_host", name),
        port: reader.read("pg_port", port),
        user: reader.read("pg_user", name),
        password: SecretString::from(reader.text("pg_password").to_owned()),
        database: reader.read("pg_database", name),
        ssl: reader.read("pg_ssl", units::switch),
        ssl_verify: reader.read("pg_ssl_verify", units::switch),
    }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    let port = units::count(text, 1, u16::MAX.into())?;
    u16::try_from(port).map_err(|error| error.to_string())
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("allowed: a name".to_owned()) } else { Ok(text.to_owned()) }
}

/// Keys for secrets; none for an empty text.
pub(super) fn keys(text: &str) -> Result<Option<Arc<Keyring>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    Keyring::parse(text).map(|keys| Some(Arc::new(keys))).map_err(|error| error.to_string())
}

pub(super) fn migrate(reader: &mut Reader, database: &Database) -> Migrate {
    let unsaid = match database {
        Database::Off | Database::Sqlite { .. } => Migrate::Auto,
        Database::Postgres(_) => Migrate::Command,
        Database::Url(_) if reader.text("database_url").starts_with("sqlite") => Migrate::Auto,
        Database::Url(_) => Migrate::Command,
    };
    reader.read("migrate", |text| match text {
        "" => Ok(unsaid),
        "auto" => Ok(Migrate::Auto),
        "command" => Ok(Migrate::Command),
        _ => Err("allowed: auto, command".to_owned()),
    })
}
