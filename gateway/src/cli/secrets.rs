//! `weir secrets seal|rotate|status`: the secrets in the database, sealed with the operator's keys.

use std::process::ExitCode;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::say;
use super::{CliError, SettingsFile};
use crate::store::{Kept, Store, StoreError, StoreSettings, kinds_with_secrets};

/// Entities a transaction: some ten milliseconds in which other writers wait.
const BATCH: u32 = 200;

#[derive(Debug, Subcommand)]
pub(super) enum Secrets {
    /// Seals all secrets with the first of `encryption_keys`, while gateways run.
    Seal(SettingsFile),
    /// The same, after the first key was changed.
    Rotate(SettingsFile),
    /// Says how many secrets are sealed with which key.
    Status(SettingsFile),
}

pub(super) fn run(command: &Secrets) -> Result<ExitCode, CliError> {
    let (Secrets::Seal(file) | Secrets::Rotate(file) | Secrets::Status(file)) = command;
    let settings = file.load()?.settings;
    // What it writes must be the gateway's own.
    super::become_user(&settings)?;
    super::small_runtime()?.block_on(async {
        let keys = settings.encryption_keys.clone();
        let store = Store::connect_with(&StoreSettings::from(&settings.database), keys).await?;
        match command {
            Secrets::Seal(_) | Secrets::Rotate(_) => {
                store.unlock(&settings.prefix.join("last_good/index.key")).await?;
                seal(&store).await
            }
            Secrets::Status(_) => status(&store).await,
        }
    })
}

async fn seal(store: &Store) -> Result<ExitCode, CliError> {
    let total = total(store).await?;
    store.begin_sealing().await?;
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:32}] {pos}/{len} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    let (mut seen, mut sealed, mut locked) = (0, 0, 0);
    for kind in kinds_with_secrets() {
        bar.set_message(kind.name);
        let mut after = None;
        loop {
            let batch = store.seal(kind, after, BATCH).await?;
            (seen, sealed, locked) = (seen + batch.seen, sealed + batch.sealed, locked + batch.locked);
            bar.inc(batch.seen as u64);
            let Some(next) = batch.next else { break };
            after = Some(next);
        }
    }
    bar.finish_and_clear();
    if sealed > 0 {
        store.end_sealing().await?;
    }
    say(format_args!("{seen} entities with secrets, {sealed} of them sealed anew"))?;
    if locked > 0 {
        let text =
            format!("{locked} entities do not open with the keys in encryption_keys and stay as they are");
        return Err(CliError::No(text));
    }
    Ok(ExitCode::SUCCESS)
}

async fn total(store: &Store) -> Result<u64, StoreError> {
    let mut total = 0;
    for kind in kinds_with_secrets() {
        total += store.count(kind.name).await?;
    }
    Ok(total)
}

async fn status(store: &Store) -> Result<ExitCode, CliError> {
    let mut plain = 0;
    for kind in kinds_with_secrets() {
        let kept: Kept = store.kept_secrets(kind.name).await?;
        for (key, count) in &kept {
            let how = key.as_ref().map_or("in the clear".to_owned(), |key| format!("sealed with `{key}`"));
            say(format_args!("{}: {count} {how}", kind.name))?;
        }
        plain += kept.get(&None).copied().unwrap_or_default();
    }
    if plain > 0 {
        return Err(CliError::No(format!("{plain} secrets are not sealed")));
    }
    say("no secret is kept in the clear")?;
    Ok(ExitCode::SUCCESS)
}
