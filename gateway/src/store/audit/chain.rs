//! The chain of rows: appended at its head, forgotten from its tail.

use sha2::{Digest as _, Sha256};

use super::observed::Attribution;
use crate::model::Document;
use crate::store::dialect::{Session, Value};
use crate::store::settings::OPERATION_TIMEOUT;
use crate::store::{Store, StoreError};

/// Rows that are forgotten at once.
const BATCH: i64 = 10_000;

/// Digest of a row.
pub(super) fn digest(before: &str, seq: i64, entry: &str) -> String {
    let mut hasher = Sha256::new();
    // The digest has one length and a number no line break, so the parts cannot run into each other.
    hasher.update(format!("{before}\n{seq}\n{entry}"));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Appends a row in the transaction of `session`, which holds the revision row.
///
/// Where a record is not required, one that cannot be written undoes nothing else.
pub(in crate::store) async fn append(
    session: &mut Session,
    entry: &Document,
    is_required: bool,
) -> Result<(), StoreError> {
    if is_required {
        return put(session, entry).await.map_err(unrecorded);
    }
    session.execute("SAVEPOINT audit", &[]).await?;
    match put(session, entry).await {
        Ok(()) => session.execute("RELEASE SAVEPOINT audit", &[]).await.map(drop),
        Err(error) => {
            tracing::error!(%error, entry = %serde_json::Value::from(entry.clone()),
                "a change cannot be written into the audit log");
            session.execute("ROLLBACK TO SAVEPOINT audit", &[]).await.map(drop)
        }
    }
}

/// An outage stays one; anything else is about the log.
fn unrecorded(error: StoreError) -> StoreError {
    if error.is_unavailable() { error } else { StoreError::Unrecorded(error.to_string()) }
}

async fn put(session: &mut Session, entry: &Document) -> Result<(), StoreError> {
    let row = session.row("SELECT seq, digest FROM audit_head", &[]).await?;
    let row = row.ok_or_else(|| StoreError::Refused("the audit log has no head".to_owned()))?;
    let (seq, before) = (row.integer(0)? + 1, row.text(1)?);
    let at_ms = entry.get("at_ms").and_then(serde_json::Value::as_i64).unwrap_or_default();
    let text = serde_json::to_string(entry).map_err(|error| StoreError::Refused(error.to_string()))?;
    let digest = digest(&before, seq, &text);
    let values = [Value::Integer(seq), Value::Integer(at_ms), Value::Text(&text), Value::Text(&digest)];
    let sql = "INSERT INTO audit_log (seq, at_ms, entry, digest) VALUES ($1, $2, $3, $4)";
    session.execute(sql, &values).await?;
    let sql = "UPDATE audit_head SET seq = $1, digest = $2";
    session.execute(sql, &[Value::Integer(seq), Value::Text(&digest)]).await.map(drop)
}

impl Store {
    /// Writes down a call that changed nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unrecorded`] or [`StoreError::Unavailable`].
    pub async fn record(&self, attribution: &Attribution) -> Result<(), StoreError> {
        let operation = async {
            let mut session = self.writer().await?;
            // Writers queue up at the revision row; this one leaves it as it is.
            session.execute("UPDATE revision SET current = current", &[]).await?;
            match append(&mut session, &attribution.entry, true).await {
                Ok(()) => session.commit().await,
                Err(error) => {
                    session.roll_back().await;
                    Err(error)
                }
            }
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }

    /// Forgets rows from before `oldest_ms`, and so many that `most` are left, the oldest first and no
    /// more than a batch. Gives how many. What is forgotten leaves its digest behind.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`].
    pub async fn forget_records(&self, oldest_ms: i64, most: i64) -> Result<u64, StoreError> {
        let operation = async {
            let mut session = self.writer().await?;
            session.execute("UPDATE revision SET current = current", &[]).await?;
            let sql = "SELECT l.seq, l.digest FROM audit_log l, audit_head h \
                 WHERE l.seq <= h.floor_seq + $1 AND (l.at_ms < $2 OR l.seq <= h.seq - $3) \
                 ORDER BY l.seq DESC LIMIT 1";
            let values = [Value::Integer(BATCH), Value::Integer(oldest_ms), Value::Integer(most)];
            let Some(last) = session.row(sql, &values).await? else {
                session.roll_back().await;
                return Ok(0);
            };
            let (seq, digest) = (last.integer(0)?, last.text(1)?);
            let sql = "UPDATE audit_head SET floor_seq = $1, floor_digest = $2";
            session.execute(sql, &[Value::Integer(seq), Value::Text(&digest)]).await?;
            let sql = "DELETE FROM audit_log WHERE seq <= $1";
            let gone = session.execute(sql, &[Value::Integer(seq)]).await?;
            session.commit().await?;
            Ok(gone)
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }
}
