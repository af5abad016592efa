//! A declarative file, the database that it is compared with, and what differs.

use std::io::Read as _;
use std::path::Path;

use crate::app::describe_bundled;
use crate::cli::CliError;
use crate::cli::progress::Step;
use crate::clock::Clock;
use crate::config::{Database, Migrate, Settings};
use crate::declarative::{
    Declared, Faults, Plan, PluginRules, Reading, Scope, Stored, compare, read, stored_kinds,
};
use crate::model::Moment;
use crate::store::{Revision, Store, StoreSettings};

/// A file that was read from disk.
pub(super) struct Source {
    name: String,
    text: String,
}

/// A file against a database.
pub(super) struct Compared {
    pub(super) plan: Plan,
    pub(super) stored: Stored,
    /// The database as it was compared with.
    pub(super) revision: Revision,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let failed = |source| CliError::System { what: format!("{name} cannot be read"), source };
        let mut text = String::new();
        match path.as_os_str() == "-" {
            true => std::io::stdin().lock().read_to_string(&mut text).map(drop).map_err(failed)?,
            false => text = std::fs::read_to_string(path).map_err(failed)?,
        }
        Ok(Self { name, text })
    }

    /// Reads the file by itself.
    pub(super) async fn check(&self, settings: &Settings) -> Result<(), CliError> {
        let mut plugins = PluginRules::default();
        add_bundled(&mut plugins, settings).await?;
        let stored = Stored::default();
        let reading = Reading { plugins: &plugins, stored: &stored, adopt: false, on_top: false, now: now() };
        self.read(reading).map(drop)
    }

    /// Reads the file on top of what the database holds, or in its place.
    pub(super) async fn compare(
        &self,
        settings: &Settings,
        store: &Store,
        scope: Scope,
    ) -> Result<Compared, CliError> {
        let mut plugins = PluginRules::default();
        add_bundled(&mut plugins, settings).await?;
        let step = Step::begin("reading the database");
        let mut rows = store.read_catalog(&stored_kinds()).await?;
        plugins.add_uploads(&rows.documents.remove("custom_plugins").unwrap_or_default());
        let stored = Stored::new(rows.documents);
        drop(step);
        let on_top = scope == Scope::Named;
        let reading = Reading { plugins: &plugins, stored: &stored, adopt: true, on_top, now: now() };
        let records = self.read(reading)?.records;
        Ok(Compared { plan: compare(records, &stored, scope), stored, revision: rows.revision })
    }

    fn read(&self, reading: Reading<'_>) -> Result<Declared, CliError> {
        let _step = Step::begin(format!("reading {}", self.name));
        read(&self.text, reading).map_err(|faults| self.failed(&faults))
    }

    fn failed(&self, faults: &Faults) -> CliError {
        let lines: String = faults.list.iter().map(|fault| format!("\n  {}: {fault}", self.name)).collect();
        CliError::No(format!("Failed parsing:{lines}"))
    }
}

/// The database, in the shape of this version.
pub(super) async fn database(settings: &Settings) -> Result<Store, CliError> {
    if matches!(settings.database, Database::Off { .. }) {
        let text =
            "database is 'off': such a gateway takes its file from declarative_config or from POST /config";
        return Err(CliError::No(text.to_owned()));
    }
    std::fs::create_dir_all(&settings.prefix).map_err(|source| CliError::System {
        what: format!("the prefix {} cannot be made", settings.prefix.display()),
        source,
    })?;
    let keys = settings.encryption_keys.clone();
    let store = Store::connect_with(&StoreSettings::from(&settings.database), keys).await?;
    if settings.migrate == Migrate::Auto {
        store.migrate().await?;
    } else if !store.pending_migrations().await?.is_empty() {
        return Err(crate::store::StoreError::NotMigrated.into());
    }
    store.unlock(&settings.prefix.join("last_good/index.key")).await?;
    Ok(store)
}

async fn add_bundled(plugins: &mut PluginRules, settings: &Settings) -> Result<(), CliError> {
    let _step = Step::begin("loading the plugins of the binary");
    for admitted in describe_bundled(settings).await? {
        plugins.add_bundled(&admitted).map_err(|fault| {
            CliError::No(format!("the schema of {} cannot be used: {fault}", admitted.name))
        })?;
    }
    Ok(())
}

/// The moment of a command.
pub(super) fn now() -> Moment {
    Moment::from_millis(Clock::system().unix_ms())
}
