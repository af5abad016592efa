//! Entities whose time is over: invisible from that second on, deleted some time later.
//!
//! Every read leaves them out, so the sweep is in no hurry; whoever runs it decides how often.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::dialect::Value;
use super::handle::now_unix;
use super::relations;
use super::settings::OPERATION_TIMEOUT;
use super::write::Writing;
use super::{Store, StoreError};

impl Store {
    /// Deletes up to `limit` expired entities, with an entry in the change feed for each. Gives how
    /// many there were; the same number as `limit` means that there may be more.
    ///
    /// Without any, this is one read and no write. Any node may call it at any time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`].
    pub async fn sweep_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let sql = "SELECT id, kind FROM entities WHERE expires_at <= $1 LIMIT $2";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = session.rows(sql, &[Value::Integer(now_unix()), Value::Integer(limit)]).await?;
            session.finish();
            rows.iter().map(|row| Ok((row.text(1)?, row.id(0)?))).collect::<Result<BTreeSet<_>, StoreError>>()
        };
        let expired = self.within(OPERATION_TIMEOUT, operation).await?;
        if expired.is_empty() {
            return Ok(0);
        }
        let found = expired.len();
        self.writing(OPERATION_TIMEOUT, async move |writing| {
            for (kind, id) in expired {
                remove_if_expired(writing, &kind, id).await?;
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }
}

/// Deletes all expired entities as part of a write, so that none of them holds on to a key.
pub(super) async fn remove_all_expired(writing: &mut Writing) -> Result<(), StoreError> {
    let sql = "SELECT id, kind FROM entities WHERE expires_at <= $1";
    let rows = writing.session.rows(sql, &[Value::Integer(writing.now)]).await?;
    for row in rows {
        remove_if_expired(writing, &row.text(1)?, row.id(0)?).await?;
    }
    Ok(())
}

async fn remove_if_expired(writing: &mut Writing, kind: &str, id: Uuid) -> Result<(), StoreError> {
    // It may have gone with another one, or live longer since.
    let sql = "SELECT id FROM entities WHERE kind = $1 AND id = $2 AND expires_at <= $3";
    let values = [Value::Text(kind), Value::Id(id), Value::Integer(writing.now)];
    if writing.session.row(sql, &values).await?.is_none() {
        return Ok(());
    }
    match relations::remove(writing, kind, id).await {
        // It stays invisible until nobody needs it.
        Err(StoreError::Referenced { .. }) => Ok(()),
        done => done,
    }
}
