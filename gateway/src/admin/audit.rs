//! `/audit`: what was changed and what was refused, the newest first, in the paths of Kong's paid edition.

use serde_json::{Value, json};

use super::answer::Answer;
use super::call::{Call, Query};
use super::entities::page_size;
use super::error::{ApiError, Class};
use super::state::AdminState;
use crate::store::AuditRow;

/// `GET /audit/requests`: the calls.
pub(super) async fn list_requests(call: Call<'_>) -> Result<Answer, ApiError> {
    let Call { state, path, query, .. } = call;
    let (rows, next) = page(state, &query).await?;
    let data = rows.into_iter().map(|row| {
        let mut entry = row.entry;
        entry.remove("objects");
        entry.insert("seq".to_owned(), row.seq.into());
        entry.insert("digest".to_owned(), row.digest.into());
        Value::Object(entry)
    });
    Ok(answer((path, &query), data.collect(), next))
}

/// `GET /audit/objects`: the entities that the calls changed. Those of one call stay together, so a page
/// may be longer than asked for, or empty.
pub(super) async fn list_objects(call: Call<'_>) -> Result<Answer, ApiError> {
    let Call { state, path, query, .. } = call;
    let (rows, next) = page(state, &query).await?;
    let mut data = Vec::new();
    for row in rows {
        let objects = row.entry.get("objects").and_then(Value::as_array);
        for object in objects.into_iter().flatten().filter_map(Value::as_object) {
            let mut object = object.clone();
            for name in ["request_id", "request_timestamp", "actor", "method", "path"] {
                object.insert(name.to_owned(), row.entry.get(name).cloned().unwrap_or(Value::Null));
            }
            object.insert("seq".to_owned(), row.seq.into());
            data.push(Value::Object(object));
        }
    }
    Ok(answer((path, &query), data, next))
}

/// Rows of the page that was asked for, and where the next begins.
async fn page(state: &AdminState, query: &Query) -> Result<(Vec<AuditRow>, Option<i64>), ApiError> {
    let size = page_size(query)?;
    let before = query.get("offset").map(offset).transpose()?;
    let mut rows = state.store.whole().records(before, size + 1).await?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().map(|row| row.seq).filter(|_| more);
    Ok((rows, next))
}

fn offset(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| {
        let message = format!("'{text}' is not a valid offset: expected a number");
        ApiError::coded(Class::Offset, message, json!({}))
    })
}

fn answer((path, query): (&str, &Query), data: Vec<Value>, next: Option<i64>) -> Answer {
    let Some(next) = next else {
        return Answer::ok(json!({ "data": data, "next": null }));
    };
    let size = query.get("size").map(|size| format!("&size={size}")).unwrap_or_default();
    let link = format!("{path}?offset={next}{size}");
    Answer::ok(json!({ "data": data, "next": link, "offset": next.to_string() }))
}
