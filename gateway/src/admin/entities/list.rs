//! GET of a collection, a page at a time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Forced;
use crate::admin::answer::Answer;
use crate::admin::call::Query;
use crate::admin::error::{ApiError, Class};
use crate::admin::state::AdminState;
use crate::model::Kind;
use crate::store::{Lookup, PageQuery, TagFilter};

const MOST_TAGS: usize = 5;

/// One page. `path` is the collection as the client wrote it, for the link to the next.
pub(in crate::admin) async fn list_entities(
    state: &AdminState,
    kind: &'static Kind,
    below: Option<Forced>,
    path: &str,
    query: &Query,
) -> Result<Answer, ApiError> {
    if let (Some(custom_id), "consumers", None) = (query.get("custom_id"), kind.name, below) {
        return by_custom_id(state, kind, custom_id).await;
    }
    let page_query = PageQuery {
        after: query.get("offset").map(after).transpose()?,
        size: page_size(query)?,
        parent: below.map(|below| (below.field.to_owned(), below.id)),
        tags: query.get("tags").map(tag_filter).transpose()?,
    };
    let page = state.store.page(kind.name, &page_query).await?;
    let now = state.now();
    let data: Vec<Value> = page.documents.into_iter().map(|found| kind.shown(found, now).into()).collect();
    let Some(next) = page.next else {
        return Ok(Answer::ok(json!({ "data": data, "next": null })));
    };
    let offset = STANDARD_NO_PAD.encode(json!([next.to_string()]).to_string());
    let mut link = form_urlencoded::Serializer::new(String::new());
    link.append_pair("offset", &offset);
    if below.is_none() {
        for name in ["tags", "size"] {
            query.get(name).iter().for_each(|value| _ = link.append_pair(name, value));
        }
    }
    Ok(Answer::ok(json!({ "data": data, "next": format!("{path}?{}", link.finish()), "offset": offset })))
}

/// `size`, 100 if it is not given.
pub(in crate::admin) fn page_size(query: &Query) -> Result<usize, ApiError> {
    let Some(text) = query.get("size") else {
        return Ok(100);
    };
    let fault = |text: &str| ApiError::coded(Class::Size, text, json!({}));
    let number: f64 = text.parse().map_err(|_| fault("size must be a number"))?;
    let size = (1..=1000_u16).find(|size| (f64::from(*size) - number).abs() < f64::EPSILON);
    size.map(usize::from).ok_or_else(|| fault("size must be an integer between 1 and 1000"))
}

fn after(token: &str) -> Result<Uuid, ApiError> {
    let fault = |why: &str| {
        let message = format!("'{token}' is not a valid offset: {why}");
        ApiError::coded(Class::Offset, message, json!({}))
    };
    let bytes =
        STANDARD_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| fault("bad base64 encoding"))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| fault("bad json encoding"))?;
    let id = value.get(0).and_then(Value::as_str).and_then(|text| text.parse().ok());
    id.ok_or_else(|| fault("invalid primary key"))
}

/// `a,b` is all of them, `a/b` is any of them.
fn tag_filter(text: &str) -> Result<TagFilter, ApiError> {
    let fault = |why: &str| {
        let message = format!("invalid option (tags: {why})");
        ApiError::coded(Class::Options, message, json!({ "tags": why }))
    };
    if text.is_empty() {
        return Err(fault("cannot be null"));
    }
    let any = text.contains('/');
    let tags: Vec<String> = text.split(if any { '/' } else { ',' }).map(str::to_owned).collect();
    let good = |tag: &String| {
        !tag.is_empty()
            && tag.chars().all(|letter| {
                letter != ',' && (letter == ' ' || !letter.is_ascii() || letter.is_ascii_graphic())
            })
    };
    if !tags.iter().all(good) {
        return Err(fault("invalid filter syntax"));
    }
    if tags.len() > MOST_TAGS {
        return Err(fault("cannot query more than 5 tags"));
    }
    Ok(if any { TagFilter::Any(tags) } else { TagFilter::All(tags) })
}

async fn by_custom_id(state: &AdminState, kind: &'static Kind, custom_id: &str) -> Result<Answer, ApiError> {
    if custom_id.is_empty() {
        return Err(ApiError::bad_request("custom_id must be an unempty string"));
    }
    let found = state.store.find(kind.name, &Lookup::key("custom_id", custom_id)).await?;
    let data: Vec<Value> = found.into_iter().map(|found| kind.shown(found, state.now()).into()).collect();
    Ok(Answer::ok(json!({ "data": data, "next": null })))
}
