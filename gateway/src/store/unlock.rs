//! At the start: whether the keys that the operator gave fit the database.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::dialect::{Session, Value};
use super::sealed::{locked, secrets};
use super::settings::OPERATION_TIMEOUT;
use super::{Store, StoreError};
use crate::model;
use crate::sealing::{IndexKey, Keyring};

/// What becomes of secrets that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlocked {
    /// They are kept as they are: there are no keys.
    Plain,
    /// They are sealed.
    Sealing,
    /// They are kept as they are until somebody runs `weir secrets seal`: other nodes may not have
    /// the keys yet.
    Waiting,
}

impl Store {
    /// Tries the keys on the database. In one without secrets, or that no other node uses, sealing
    /// begins at once.
    ///
    /// What a node needs to find secrets while the database is away is kept in the file `kept`, sealed.
    ///
    /// # Errors
    ///
    /// - [`StoreError::Sealed`] if the keys are missing or are others.
    /// - [`StoreError::Unavailable`]; then what is in `kept` is used as far as it goes.
    pub async fn unlock(&self, kept: &Path) -> Result<Unlocked, StoreError> {
        let operation = async {
            let mut session = self.writer().await?;
            match self.unlock_in(&mut session).await {
                Ok(unlocked) => session.commit().await.map(|()| unlocked),
                Err(error) => {
                    session.roll_back().await;
                    Err(error)
                }
            }
        };
        let unlocked = self.within(OPERATION_TIMEOUT, operation).await;
        let sealing = &self.inner.sealing;
        match (&unlocked, &sealing.keys) {
            (Ok(_), Some(_)) => {
                let index = sealing.index.get().map(IndexKey::sealed).unwrap_or_default();
                if let Err(error) = keep(kept, index) {
                    tracing::warn!(path = %kept.display(), %error, "the key of the indexes is not kept");
                }
            }
            (Err(error), Some(keys)) if error.is_unavailable() => {
                self.unlock_with(kept, keys);
            }
            (Ok(_) | Err(_), _) => {}
        }
        unlocked
    }

    /// What is kept may be older than the keys; then credentials are known by themselves until the
    /// database says more.
    fn unlock_with(&self, kept: &Path, keys: &Keyring) {
        let Ok(sealed) = fs::read_to_string(kept) else { return };
        match IndexKey::open(sealed.trim(), keys) {
            Ok(index) => _ = self.inner.sealing.index.set(index),
            Err(error) => {
                tracing::warn!(path = %kept.display(), %error, "the key of the indexes is not known")
            }
        }
    }

    async fn unlock_in(&self, session: &mut Session) -> Result<Unlocked, StoreError> {
        // The row is held to the end: of two nodes that start at once, one makes the key of the indexes.
        let row = session.row("UPDATE revision SET current = current RETURNING sealing", &[]).await?;
        let on = row.ok_or(StoreError::NotMigrated)?.integer(0)? != 0;
        let kept = session.row("SELECT index_key FROM sealing", &[]).await?;
        let kept = kept.map(|row| row.text(0)).transpose()?;
        let Some(keys) = &self.inner.sealing.keys else {
            return match kept {
                Some(sealed) if on => Err(missing(&sealed)),
                Some(_) | None => Ok(Unlocked::Plain),
            };
        };
        let index = match &kept {
            Some(sealed) => IndexKey::open(sealed, keys).map_err(|error| locked(&error))?,
            None => {
                let random = || StoreError::Sealed("the random source of the system fails".to_owned());
                let index = IndexKey::new(keys).ok_or_else(random)?;
                let sql = "INSERT INTO sealing (index_key) VALUES ($1)";
                session.execute(sql, &[Value::Text(index.sealed())]).await?;
                index
            }
        };
        self.inner.sealing.index.get_or_init(|| index);
        if on {
            return Ok(Unlocked::Sealing);
        }
        if self.is_shared() && has_secrets(session).await? {
            return Ok(Unlocked::Waiting);
        }
        session.execute("UPDATE revision SET sealing = 1", &[]).await?;
        Ok(Unlocked::Sealing)
    }
}

fn missing(sealed: &str) -> StoreError {
    let id = Keyring::key_of(sealed).unwrap_or("?");
    StoreError::Sealed(format!(
        "the secrets in the database are sealed with the key `{id}`, and encryption_keys is not set"
    ))
}

/// Whether an entity is stored that has secrets.
async fn has_secrets(session: &mut Session) -> Result<bool, StoreError> {
    for kind in model::kinds().iter().filter(|kind| !secrets(kind.name).is_empty()) {
        let sql = "SELECT id FROM entities WHERE kind = $1 LIMIT 1";
        if session.row(sql, &[Value::Text(kind.name)]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn keep(path: &Path, sealed: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension("unfinished");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(sealed.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}
