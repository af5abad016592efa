//! Plugin components: bytes by their SHA-256.
//!
//! A blob never changes and belongs to nobody. It is not part of the change feed: a node asks for it
//! when a catalog names its digest.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;

use super::dialect::Value;
use super::handle::now_unix;
use super::indexed::sha256_hex;
use super::settings::{LONG_OPERATION_TIMEOUT, OPERATION_TIMEOUT};
use super::{Store, StoreError};

impl Store {
    /// Keeps a component. Doing it twice is the same as once.
    ///
    /// `digest` is the SHA-256 of `bytes` in hexadecimal, with or without `sha256:` before it; it is
    /// found by the same text later.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadRow`] if the digest is not that of the bytes, else as [`find`](Self::find).
    pub async fn put_component(&self, digest: &str, bytes: &[u8]) -> Result<(), StoreError> {
        check(digest, bytes)?;
        let operation = async {
            let mut session = self.writer().await?;
            let values = [Value::Text(digest), Value::Bytes(bytes), Value::Integer(now_unix())];
            let sql = "INSERT INTO components (digest, bytes, stored_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (digest) DO UPDATE SET stored_at = excluded.stored_at";
            match session.execute(sql, &values).await {
                Ok(_) => session.commit().await,
                Err(error) => {
                    session.roll_back().await;
                    Err(error)
                }
            }
        };
        self.within(LONG_OPERATION_TIMEOUT, operation).await
    }

    /// Reads a component.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadRow`] if the bytes are not those that were stored, else as
    /// [`find`](Self::find).
    pub async fn component(&self, digest: &str) -> Result<Option<Bytes>, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let row =
                session.row("SELECT bytes FROM components WHERE digest = $1", &[Value::Text(digest)]).await?;
            session.finish();
            row.map(|row| row.bytes(0)).transpose()
        };
        let Some(bytes) = self.within(LONG_OPERATION_TIMEOUT, operation).await? else {
            return Ok(None);
        };
        check(digest, &bytes)?;
        Ok(Some(Bytes::from(bytes)))
    }

    /// Deletes components that are not `in_use` and were put longer than `older_than` ago. Gives
    /// how many.
    ///
    /// The age protects an upload whose component is stored but not yet named by an entity.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn sweep_components(
        &self,
        in_use: &HashSet<String>,
        older_than: Duration,
    ) -> Result<u64, StoreError> {
        let age = i64::try_from(older_than.as_secs()).unwrap_or(i64::MAX);
        let before = Value::Integer(now_unix().saturating_sub(age));
        let operation = async {
            let mut session = self.writer().await?;
            let sql = "SELECT digest FROM components WHERE stored_at <= $1";
            let mut unused = Vec::new();
            for row in session.rows(sql, std::slice::from_ref(&before)).await? {
                unused.push(row.text(0)?);
            }
            unused.retain(|digest| !in_use.contains(digest));
            let mut deleted = 0;
            for digest in &unused {
                // Asked again: it may have been put once more since, by another node.
                let sql = "DELETE FROM components WHERE digest = $1 AND stored_at <= $2";
                deleted += session.execute(sql, &[Value::Text(digest), before.clone()]).await?;
            }
            session.commit().await?;
            Ok(deleted)
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }
}

fn check(digest: &str, bytes: &[u8]) -> Result<(), StoreError> {
    if digest.strip_prefix("sha256:").unwrap_or(digest) == sha256_hex(bytes) {
        return Ok(());
    }
    Err(StoreError::BadRow {
        kind: "components".to_owned(),
        id: digest.to_owned(),
        reason: "the bytes have another digest".to_owned(),
    })
}
