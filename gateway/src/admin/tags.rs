//! `/tags`: which entity has which tag.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::Answer;
use super::call::Query;
use super::entities::page_size;
use super::error::{ApiError, Class};
use super::state::AdminState;
use crate::model::{Document, Kind, kinds};
use crate::store::{PageQuery, TagFilter};

/// Reads of one request: entities without tags are passed over, and there may be many.
const MOST_PAGES: usize = 20;

/// Where a list of tags goes on.
#[derive(Default)]
struct Place {
    kind: usize,
    after: Option<Uuid>,
}

/// `GET /tags`.
pub(super) async fn list_tags(state: &AdminState, query: &Query) -> Result<Answer, ApiError> {
    walk(state, None, "/tags", query).await
}

/// `GET /tags/{tag}`.
pub(super) async fn list_tagged(
    state: &AdminState,
    tag: &str,
    path: &str,
    query: &Query,
) -> Result<Answer, ApiError> {
    let good = |letter: char| !letter.is_ascii() || ((' '..='~').contains(&letter) && !",/".contains(letter));
    if !tag.chars().all(good) {
        let text = format!(
            "invalid tag '{tag}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
        );
        return Err(ApiError::coded(Class::UniqueValue("tag"), text.clone(), json!({ "tags": text })));
    }
    walk(state, Some(tag), path, query).await
}

/// One row for each entity and tag. An entity's rows stay together, so a page may be a few rows longer.
async fn walk(state: &AdminState, tag: Option<&str>, path: &str, query: &Query) -> Result<Answer, ApiError> {
    let size = page_size(query)?;
    let mut place = query.get("offset").map(place_of).transpose()?.unwrap_or_default();
    let mut rows: Vec<Value> = Vec::new();
    for _ in 0..MOST_PAGES {
        let Some(kind) = kinds().get(place.kind) else {
            return Ok(Answer::ok(json!({ "data": rows, "next": null })));
        };
        let page = state
            .store
            .page(
                kind.name,
                &PageQuery {
                    after: place.after,
                    size: size.saturating_sub(rows.len()).max(1),
                    parent: None,
                    tags: tag.map(|tag| TagFilter::All(vec![tag.to_owned()])),
                    also: None,
                },
            )
            .await?;
        page.documents.iter().for_each(|found| rows.extend(rows_of(kind, found, tag)));
        place = match page.next {
            Some(next) => Place { kind: place.kind, after: Some(next) },
            None => Place { kind: place.kind + 1, after: None },
        };
        if rows.len() >= size {
            break;
        }
    }
    let offset = STANDARD_NO_PAD.encode(json!([place.kind, place.after]).to_string());
    let link: String = form_urlencoded::byte_serialize(offset.as_bytes()).collect();
    let size = query.get("size").map(|size| format!("&size={size}")).unwrap_or_default();
    Ok(Answer::ok(json!({ "data": rows, "next": format!("{path}?offset={link}{size}"), "offset": offset })))
}

fn rows_of(kind: &Kind, entity: &Document, only: Option<&str>) -> Vec<Value> {
    let tags = entity.get("tags").and_then(Value::as_array);
    let names = tags.into_iter().flatten().filter_map(Value::as_str);
    let named = names.filter(|tag| only.is_none_or(|only| only == *tag));
    named.map(|tag| json!({ "tag": tag, "entity_name": kind.name, "entity_id": entity.get("id") })).collect()
}

fn place_of(token: &str) -> Result<Place, ApiError> {
    let fault = |why: &str| {
        let message = format!("'{token}' is not a valid offset: {why}");
        ApiError::coded(Class::Offset, message, json!({}))
    };
    let bytes = STANDARD_NO_PAD.decode(token).map_err(|_| fault("bad base64 encoding"))?;
    let (kind, after) = serde_json::from_slice(&bytes).map_err(|_| fault("bad json encoding"))?;
    Ok(Place { kind, after })
}
