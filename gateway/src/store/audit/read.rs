//! Reads the audit log, and looks whether its chain is whole.

use super::chain::digest;
use crate::model::Document;
use crate::store::dialect::{Row, Value};
use crate::store::settings::OPERATION_TIMEOUT;
use crate::store::{Store, StoreError};

/// Rows of one step of a verification.
const BATCH: i64 = 500;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its number, without gaps from 1.
    pub seq: i64,
    /// Who, when, how, what.
    pub entry: Document,
    /// Hex digits; they cover the row before.
    pub digest: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows before these were forgotten for their age or number.
    pub forgotten: i64,
    /// Digest of the newest row: written down elsewhere, it shows that no later chain is another.
    pub head: String,
    /// The first thing that is wrong.
    pub fault: Option<String>,
}

impl Store {
    /// Rows before `before`, the newest first; `None` begins at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`] or [`StoreError::BadRow`].
    pub async fn records(&self, before: Option<i64>, size: usize) -> Result<Vec<AuditRow>, StoreError> {
        let schema = self.audit_schema();
        let operation = async {
            let mut session = self.reader().await?;
            let sql = format!(
                "SELECT seq, entry, digest FROM {schema}audit_log WHERE seq < $1 ORDER BY seq DESC LIMIT $2"
            );
            let size = i64::try_from(size).unwrap_or(i64::MAX);
            let values = [Value::Integer(before.unwrap_or(i64::MAX)), Value::Integer(size)];
            let rows = session.rows(sql, &values).await?;
            session.finish();
            rows.iter().map(row).collect()
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }

    /// Walks the whole chain. Rows that are appended meanwhile are looked at too. `known` is a digest that
    /// must be in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`].
    pub async fn verify_records(&self, known: Option<&str>) -> Result<Verified, StoreError> {
        let ends = self.audit_ends().await?;
        let (mut at, mut before) = (ends.floor_seq, ends.floor_digest.clone());
        let mut verified = Verified { rows: 0, forgotten: at, head: before.clone(), fault: None };
        let mut is_known = known.is_none_or(|known| known == before);
        loop {
            let rows = self.chain_after(at).await?;
            for (seq, entry, found) in &rows {
                verified.fault = fault((at, &before), (*seq, entry, found));
                if verified.fault.is_some() {
                    return Ok(verified);
                }
                is_known |= known == Some(found);
                (at, before) = (*seq, found.clone());
                verified.rows += 1;
                verified.head.clone_from(found);
            }
            if rows.is_empty() {
                break;
            }
        }
        if !is_known {
            verified.fault = Some("the digest that was given is not in it".to_owned());
            return Ok(verified);
        }
        let now = self.audit_ends().await?;
        if at < now.seq.max(ends.seq) || at == now.seq && before != now.digest {
            verified.fault =
                Some(format!("the log ends with row {at}, and had {} rows", now.seq.max(ends.seq)));
        }
        Ok(verified)
    }

    async fn chain_after(&self, seq: i64) -> Result<Vec<(i64, String, String)>, StoreError> {
        let schema = self.audit_schema();
        let operation = async {
            let mut session = self.reader().await?;
            let sql = format!(
                "SELECT seq, entry, digest FROM {schema}audit_log WHERE seq > $1 ORDER BY seq LIMIT $2"
            );
            let rows = session.rows(sql, &[Value::Integer(seq), Value::Integer(BATCH)]).await?;
            session.finish();
            rows.iter().map(|row| Ok((row.integer(0)?, row.text(1)?, row.text(2)?))).collect()
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }

    async fn audit_ends(&self) -> Result<Ends, StoreError> {
        let schema = self.audit_schema();
        let operation = async {
            let mut session = self.reader().await?;
            let sql = format!("SELECT seq, digest, floor_seq, floor_digest FROM {schema}audit_head");
            let row = session.row(sql, &[]).await?.ok_or(StoreError::NotMigrated)?;
            session.finish();
            Ok(Ends {
                seq: row.integer(0)?,
                digest: row.text(1)?,
                floor_seq: row.integer(2)?,
                floor_digest: row.text(3)?,
            })
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }
}

/// What is wrong with a row that comes after number and digest of another.
fn fault((at, before): (i64, &str), (seq, entry, found): (i64, &str, &str)) -> Option<String> {
    if seq != at + 1 {
        return Some(format!("rows {} to {} are missing", at + 1, seq - 1));
    }
    (found != digest(before, seq, entry)).then(|| format!("row {seq} or the one before it was altered"))
}

/// Both ends of the chain.
struct Ends {
    seq: i64,
    digest: String,
    floor_seq: i64,
    floor_digest: String,
}

fn row(row: &Row) -> Result<AuditRow, StoreError> {
    let (seq, text, digest) = (row.integer(0)?, row.text(1)?, row.text(2)?);
    let entry = serde_json::from_str(&text).map_err(|error| StoreError::BadRow {
        kind: "audit_log".to_owned(),
        id: seq.to_string(),
        reason: error.to_string(),
    })?;
    Ok(AuditRow { seq, entry, digest })
}
