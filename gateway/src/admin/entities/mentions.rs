//! Ids in lists that are no references, and yet keep an entity from being deleted: CA certificates.

use serde_json::Value;
use uuid::Uuid;

use crate::admin::error::ApiError;
use crate::admin::state::AdminState;
use crate::model::{Document, Kind, value_at};
use crate::store::PageQuery;

/// Entities of one read.
const BATCH: usize = 1000;

/// Refuses if an entity of another kind lists the id. Reads all of that kind, which is a rare price.
pub(super) async fn refuse_mentioned(state: &AdminState, kind: &Kind, id: Uuid) -> Result<(), ApiError> {
    let text = id.to_string();
    for (other, path) in kind.listed_in {
        let mut query = PageQuery { size: BATCH, ..PageQuery::default() };
        loop {
            let page = state.store.whole().page(other, &query).await?;
            if let Some(found) = page.documents.iter().find(|found| mentions(found, path, &text)) {
                let by = found.get("id").and_then(Value::as_str).unwrap_or_default();
                return Err(ApiError::mentioned(&text, other, by));
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    Ok(())
}

fn mentions(entity: &Document, path: &str, id: &str) -> bool {
    let list = value_at(entity, path).and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|item| item == id))
}
