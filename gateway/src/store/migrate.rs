//! The tables and their versions.
//!
//! The files are in `migrations/`, embedded here; sqlx keeps what was applied, with a checksum, and
//! a lock so that two nodes do not migrate at once. See `migrations/README.md` for the rules.

use std::collections::HashSet;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Executor, SqlSafeStr, SqlStr};

use super::dialect::{Connection, Session};
use super::settings::{LONG_OPERATION_TIMEOUT, OPERATION_TIMEOUT};
use super::{Store, StoreError};

const TABLE: &str = "_sqlx_migrations";

/// Number, name, Postgres, SQLite.
const STEPS: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "entities",
        include_str!("../../../migrations/postgres/0001_entities.sql"),
        include_str!("../../../migrations/sqlite/0001_entities.sql"),
    ),
    (
        4,
        "shared_state",
        include_str!("../../../migrations/postgres/0004_shared_state.sql"),
        include_str!("../../../migrations/sqlite/0004_shared_state.sql"),
    ),
    (
        20,
        "default_workspace",
        include_str!("../../../migrations/postgres/0020_default_workspace.sql"),
        include_str!("../../../migrations/sqlite/0020_default_workspace.sql"),
    ),
    (
        21,
        "audit_log",
        include_str!("../../../migrations/postgres/0021_audit_log.sql"),
        include_str!("../../../migrations/sqlite/0021_audit_log.sql"),
    ),
    (
        23,
        "sealing",
        include_str!("../../../migrations/postgres/0023_sealing.sql"),
        include_str!("../../../migrations/sqlite/0023_sealing.sql"),
    ),
];

impl Store {
    /// Brings the tables to this version. Does nothing if they are, and leaves newer ones alone: the
    /// next version may already be running beside this one.
    ///
    /// # Errors
    ///
    /// - [`StoreError::Migration`] if a step fails, or was edited after it was applied.
    /// - [`StoreError::Unavailable`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let done = match session.connection() {
                Connection::Postgres(connection) => {
                    // A step may have to wait for another node's, and to build an index.
                    connection.execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
                    migrator(|step| step.2).run_direct(None, &mut **connection, false).await
                }
                Connection::Sqlite(connection) => {
                    migrator(|step| step.3).run_direct(None, &mut **connection, false).await
                }
            };
            // The session ends here and is closed, with its long timeouts and its lock.
            done.map_err(failure)
        };
        self.trying(LONG_OPERATION_TIMEOUT, operation).await
    }

    /// Names of the steps that [`migrate`](Self::migrate) would take.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::Migration`].
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let applied = applied(&mut session).await?;
            session.finish();
            let pending = STEPS.iter().filter(|(number, ..)| !applied.contains(number));
            Ok(pending.map(|(number, name, ..)| format!("{number:04}_{name}")).collect())
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }
}

async fn applied(session: &mut Session) -> Result<HashSet<i64>, StoreError> {
    let listed = match session.connection() {
        Connection::Postgres(connection) => list(&mut **connection).await,
        Connection::Sqlite(connection) => list(&mut **connection).await,
    };
    listed.map_err(failure)
}

async fn list(connection: &mut impl Migrate) -> Result<HashSet<i64>, MigrateError> {
    connection.ensure_migrations_table(TABLE).await?;
    Ok(connection.list_applied_migrations(TABLE).await?.into_iter().map(|step| step.version).collect())
}

fn migrator(text: fn(&(i64, &str, &'static str, &'static str)) -> &'static str) -> Migrator {
    let steps = STEPS.iter().map(|step| {
        let sql: SqlStr = text(step).into_sql_str();
        Migration::new(step.0, step.1.into(), MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(steps.collect());
    migrator.set_ignore_missing(true);
    migrator
}

fn failure(error: MigrateError) -> StoreError {
    let text = error.to_string();
    if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
        let error = StoreError::from(error);
        if error.is_unavailable() {
            return error;
        }
    }
    StoreError::Migration(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_for_both_dialects() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
        for (dialect, text) in [
            ("postgres", (|step| step.2) as fn(&(i64, &str, &'static str, _)) -> _),
            ("sqlite", |step| step.3),
        ] {
            let mut files: Vec<_> =
                std::fs::read_dir(root.join(dialect)).unwrap().map(|file| file.unwrap().path()).collect();
            files.sort();
            assert_eq!(files.len(), STEPS.len(), "{dialect}");
            for (file, step) in files.iter().zip(STEPS) {
                let name = format!("{:04}_{}.sql", step.0, step.1);
                assert_eq!(file.file_name().and_then(|name| name.to_str()), Some(name.as_str()), "{dialect}");
                assert_eq!(std::fs::read_to_string(file).unwrap(), text(step), "{dialect} {name}");
            }
        }
    }
}
