//! The database at the start: its tables are brought up to date and the keys for its secrets tried, at once or as
//! soon as it answers. A gateway and its database are often started together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::AppError;
use crate::config::Migrate;
use crate::store::{Store, Unlocked};
use crate::task;

/// Between two attempts while the database is away, and after one that failed otherwise.
const PAUSE: Duration = Duration::from_secs(1);
const LONG_PAUSE: Duration = Duration::from_secs(10);

/// Makes the database ready. One that is away is no reason not to start: the node serves its last good configuration,
/// and the rest is done later. `folder` is where it keeps what it knows of secrets.
///
/// # Errors
///
/// Tables that somebody has to migrate, a migration that fails, keys that do not fit.
pub(super) async fn prepare(how: Migrate, store: &Store, folder: &Path) -> Result<(), AppError> {
    if attempt(how, store, folder).await? {
        return Ok(());
    }
    tracing::warn!("the database does not answer; starting without it");
    // What is known of its secrets on disk is taken once. Whatever else it says, it is asked again.
    _ = unlock(store, folder).await;
    task::spawn("database", catch_up(how, store.clone(), folder.to_owned()));
    Ok(())
}

/// Tries until it is done. What would have ended the start is said in the log until somebody mends it.
async fn catch_up(how: Migrate, store: Store, folder: PathBuf) {
    let mut pause = PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = match attempt(how, &store, &folder).await {
            Ok(true) => return tracing::info!("the database is ready"),
            Ok(false) => PAUSE,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the database answers, but cannot be used");
                LONG_PAUSE
            }
        };
    }
}

/// False if it is away.
async fn attempt(how: Migrate, store: &Store, folder: &Path) -> Result<bool, AppError> {
    Ok(answered(migrate(how, store).await)? && answered(unlock(store, folder).await)?)
}

fn answered(outcome: Result<(), AppError>) -> Result<bool, AppError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(AppError::Store(error)) if error.is_unavailable() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Brings the tables up to date, or says that somebody must.
async fn migrate(how: Migrate, store: &Store) -> Result<(), AppError> {
    match how {
        Migrate::Auto => Ok(store.migrate().await?),
        Migrate::Command => match store.pending_migrations().await?.len() {
            0 => Ok(()),
            pending => Err(AppError::Migrations(pending)),
        },
    }
}

/// Tries the keys for secrets.
async fn unlock(store: &Store, folder: &Path) -> Result<(), AppError> {
    match store.unlock(&folder.join("index.key")).await? {
        Unlocked::Plain => {}
        Unlocked::Sealing => tracing::info!("secrets are sealed where they are kept"),
        Unlocked::Waiting => tracing::warn!(
            "the secrets in the database are not sealed: run `weir secrets seal` once every node has \
             encryption_keys"
        ),
    }
    Ok(())
}
