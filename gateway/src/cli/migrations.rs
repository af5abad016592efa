//! `weir migrations up`: brings the database to the shape that this version needs.

use std::process::ExitCode;

use super::output::say;
use super::{CliError, SettingsFile};
use crate::store::{Store, StoreSettings};

pub(super) fn up(file: &SettingsFile) -> Result<ExitCode, CliError> {
    let settings = file.load()?.settings;
    // What it writes must be the gateway's own.
    super::become_user(&settings)?;
    std::fs::create_dir_all(&settings.prefix).map_err(|source| CliError::System {
        what: format!("the prefix {} cannot be made", settings.prefix.display()),
        source,
    })?;
    super::small_runtime()?.block_on(async {
        let store = Store::connect(&StoreSettings::from(&settings.database)).await?;
        let pending = store.pending_migrations().await?;
        for name in &pending {
            say(format_args!("running {name}"))?;
        }
        store.migrate().await?;
        say(if pending.is_empty() { "the database is up to date" } else { "done" })?;
        Ok(ExitCode::SUCCESS)
    })
}
