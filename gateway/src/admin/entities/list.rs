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
use crate::model::{Document, Kind};
use crate::store::{Lookup, PageQuery, StoreError, TagFilter};

const MOST_TAGS: usize = 5;
/// Entities of one read.
const BATCH: usize = 1000;

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
    let paging = Paging { path, query, is_nested: below.is_some() };
    let page = state.store.page(kind.name, &paging.asked(below)?).await?;
    let mut data: Vec<Value> = Vec::with_capacity(page.documents.len());
    for found in page.documents {
        data.push(state.shown(kind, found).await?.into());
    }
    Ok(paging.answer("data", data, page.next))
}

/// How a client asked for a page, and how it is told of the next.
pub(in crate::admin) struct Paging<'a> {
    /// The collection as the client wrote it.
    pub(in crate::admin) path: &'a str,
    pub(in crate::admin) query: &'a Query,
    /// Below a parent the link forgets size and tags, as Kong's does.
    pub(in crate::admin) is_nested: bool,
}

impl Paging<'_> {
    pub(in crate::admin) fn asked(&self, below: Option<Forced>) -> Result<PageQuery, ApiError> {
        Ok(PageQuery {
            after: self.query.get("offset").map(after).transpose()?,
            size: page_size(self.query)?,
            parent: below.map(|below| (below.field.to_owned(), below.id)),
            tags: self.query.get("tags").map(tag_filter).transpose()?,
            also: None,
        })
    }

    /// The page under `name`.
    pub(in crate::admin) fn answer(&self, name: &str, data: Vec<Value>, next: Option<Uuid>) -> Answer {
        let Some(next) = next else {
            return Answer::ok(json!({ name: data, "next": null }));
        };
        let offset = STANDARD_NO_PAD.encode(json!([next.to_string()]).to_string());
        let mut link = form_urlencoded::Serializer::new(String::new());
        link.append_pair("offset", &offset);
        for name in ["tags", "size"].iter().filter(|_| !self.is_nested) {
            self.query.get(name).iter().for_each(|value| _ = link.append_pair(name, value));
        }
        let next = format!("{}?{}", self.path, link.finish());
        Answer::ok(json!({ name: data, "next": next, "offset": offset }))
    }
}

/// All entities of a kind that `query` asks for, read a page at a time.
pub(in crate::admin) async fn read_all(
    state: &AdminState,
    kind: &str,
    mut query: PageQuery,
) -> Result<Vec<Document>, StoreError> {
    query.size = BATCH;
    let mut found = Vec::new();
    loop {
        let page = state.store.page(kind, &query).await?;
        found.extend(page.documents);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(found),
        }
    }
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
