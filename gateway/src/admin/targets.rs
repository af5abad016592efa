//! Targets below their upstream, where Kong treats them unlike other kinds.

use axum::http::Method;
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::{Call, Query};
use super::entities::{self, Forced};
use super::error::{ApiError, Class};
use super::schemas::kind_named;
use super::state::AdminState;
use crate::model::{Document, Foreign, Kind};
use crate::store::PageQuery;

pub(super) fn kind() -> Result<&'static Kind, ApiError> {
    kind_named("targets")
}

/// The upstream in the path.
pub(super) async fn upstream(state: &AdminState, text: &str) -> Result<Forced, ApiError> {
    let foreign: Option<Foreign> = kind()?.foreigns().first().copied();
    let foreign = foreign.ok_or(ApiError::NotFound)?;
    entities::below_parent(state, kind_named(foreign.target)?, foreign, text).await
}

/// `/upstreams/{upstream}/targets`.
pub(super) async fn answer_targets(method: &Method, mut call: Call<'_>) -> Result<Answer, ApiError> {
    let below = upstream(call.state, call.parameter(0)?).await?;
    if *method == Method::POST {
        let sent = call.fields().await?;
        return entities::create_entity(call.state, kind()?, sent, Some(below)).await;
    }
    let (data, rest) = newest_first(call.state, &call.query, below).await?;
    let data: Vec<Value> = data.into_iter().map(Value::Object).collect();
    Ok(Answer::ok(with_rest(json!({ "data": data, "next": null }), rest, call.path)))
}

/// `/upstreams/{upstream}/targets/all`, in the order of ids.
pub(super) async fn list_all_targets(call: Call<'_>) -> Result<Answer, ApiError> {
    let below = upstream(call.state, call.parameter(0)?).await?;
    entities::list_entities(call.state, kind()?, Some(below), call.path, &call.query).await
}

/// `/upstreams/{upstream}/targets/{target}`: PUT changes, and what is not there cannot be deleted.
pub(super) async fn answer_target(method: &Method, mut call: Call<'_>) -> Result<Answer, ApiError> {
    let below = Some(upstream(call.state, call.parameter(0)?).await?);
    let text = call.parameter(1)?.to_owned();
    let kind = kind()?;
    match *method {
        Method::PUT | Method::PATCH => {
            let sent = call.fields().await?;
            entities::update_entity(call.state, kind, &text, sent, below).await
        }
        Method::DELETE => {
            entities::show_entity(call.state, kind, &text, below).await?;
            entities::delete_entity(call.state, kind, &text, below).await
        }
        _ => entities::show_entity(call.state, kind, &text, below).await,
    }
}

/// One page of an upstream's targets, and where the next begins. The offset is a count, as in Kong.
pub(super) async fn newest_first(
    state: &AdminState,
    query: &Query,
    below: Forced,
) -> Result<(Vec<Document>, Option<usize>), ApiError> {
    let kind = kind()?;
    let size = entities::page_size(query)?;
    let from = offset(query)?;
    let wanted = PageQuery { parent: Some((below.field.to_owned(), below.id)), ..PageQuery::default() };
    let mut found = entities::read_all(state, kind.name, wanted).await?;
    let made_at = |target: &Document| target.get("created_at").and_then(Value::as_f64).unwrap_or_default();
    // The sort is stable: targets of the same moment stay in the order of their ids.
    found.sort_by(|one, other| made_at(other).total_cmp(&made_at(one)));
    let total = found.len();
    let page: Vec<Document> = found.into_iter().skip(from).take(size).collect();
    let end = from.saturating_add(page.len());
    let now = state.now();
    let page = page.into_iter().map(|target| kind.shown(target, now)).collect();
    Ok((page, (end < total).then_some(end)))
}

fn offset(query: &Query) -> Result<usize, ApiError> {
    let Some(text) = query.get("offset") else {
        return Ok(0);
    };
    text.parse().map_err(|_| {
        let message = format!("'{text}' is not a valid offset: expected a number");
        ApiError::coded(Class::Offset, message, json!({}))
    })
}

pub(super) fn with_rest(mut body: Value, rest: Option<usize>, path: &str) -> Value {
    if let (Some(rest), Some(body)) = (rest, body.as_object_mut()) {
        body.insert("next".to_owned(), format!("{path}?offset={rest}").into());
        body.insert("offset".to_owned(), rest.to_string().into());
    }
    body
}
