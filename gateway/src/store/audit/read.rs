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
        let operation = async {
            let mut session = self.reader().await?;
            let sql = "SELECT seq, entry, digest FROM audit_log WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
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
        let mut walk =
            Walk { at: ends.floor_seq, before: ends.floor_digest, rows: 0, known, is_known: false };
        walk.is_known = known.is_none_or(|known| known == walk.before);
        let fault = loop {
            let rows = self.chain_after(walk.at).await?;
            if let Err(fault) = rows.iter().try_for_each(|row| walk.step(row)) {
                break Some(fault);
            }
            if rows.is_empty() {
                break walk.end(&self.audit_ends().await?, ends.seq);
            }
        };
        Ok(Verified { rows: walk.rows, forgotten: ends.floor_seq, head: walk.before, fault })
    }

    async fn chain_after(&self, seq: i64) -> Result<Vec<(i64, String, String)>, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let sql = "SELECT seq, entry, digest FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2";
            let rows = session.rows(sql, &[Value::Integer(seq), Value::Integer(BATCH)]).await?;
            session.finish();
            rows.iter().map(|row| Ok((row.integer(0)?, row.text(1)?, row.text(2)?))).collect()
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }

    async fn audit_ends(&self) -> Result<Ends, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let sql = "SELECT seq, digest, floor_seq, floor_digest FROM audit_head";
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

/// How far a verification has come.
struct Walk<'a> {
    at: i64,
    /// Digest of the last row.
    before: String,
    rows: u64,
    known: Option<&'a str>,
    is_known: bool,
}

impl Walk<'_> {
    /// Goes on to the next row, or says what is wrong with it.
    fn step(&mut self, (seq, entry, found): &(i64, String, String)) -> Result<(), String> {
        if *seq != self.at + 1 {
            return Err(format!("rows {} to {} are missing", self.at + 1, seq - 1));
        }
        if *found != digest(&self.before, *seq, entry) {
            return Err(format!("row {seq} or the one before it was altered"));
        }
        self.is_known |= self.known == Some(found);
        (self.at, self.rows) = (*seq, self.rows + 1);
        self.before.clone_from(found);
        Ok(())
    }

    /// What is wrong with the end; there were `least` rows when the walk began.
    fn end(&self, now: &Ends, least: i64) -> Option<String> {
        let most = now.seq.max(least);
        if !self.is_known {
            return Some("the digest that was given is not in it".to_owned());
        }
        (self.at < most || self.at == now.seq && self.before != now.digest)
            .then(|| format!("the log ends with row {}, and had {most} rows", self.at))
    }
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
