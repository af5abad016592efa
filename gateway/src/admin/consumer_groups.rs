//! Consumer groups and their members, in the shapes of Kong's paid edition.
//!
//! Groups are entities like others; a membership is one too, but it is spoken of through the group
//! or the consumer alone. What a group means to plugins is said in the snapshot.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::Answer;
use super::body::Sent;
use super::call::Call;
use super::entities::{self, Forced, Paging};
use super::error::ApiError;
use super::schemas::kind_named;
use super::state::AdminState;
use crate::model::{Document, Kind, id_of};
use crate::store::{Change, Lookup, PageQuery};

/// One end of memberships: from which the path begins, and the other.
#[derive(Clone, Copy)]
pub(super) struct Side {
    /// Field of a membership, and the word for one in a body.
    field: &'static str,
    kind: &'static str,
    other_field: &'static str,
    other_kind: &'static str,
    /// The word for the other in the body of a POST.
    word: &'static str,
}

/// From a group to its consumers.
pub(super) const OF_GROUP: Side = Side {
    field: "consumer_group",
    kind: "consumer_groups",
    other_field: "consumer",
    other_kind: "consumers",
    word: "consumer",
};

/// From a consumer to its groups.
pub(super) const OF_CONSUMER: Side = Side {
    field: "consumer",
    kind: "consumers",
    other_field: "consumer_group",
    other_kind: "consumer_groups",
    word: "group",
};

const MEMBERS: &str = "consumer_group_consumers";

/// `/consumer_groups/{group}`: shown with its members.
pub(super) async fn show_group(state: &AdminState, text: &str) -> Result<Answer, ApiError> {
    let kind = kind_named(OF_GROUP.kind)?;
    let group = entities::find_entity(state, kind, text, None).await?.ok_or(ApiError::NotFound)?.document;
    let below = Forced { field: OF_GROUP.field, id: entities::stored_id(&group)? };
    let query = PageQuery { parent: Some((below.field.to_owned(), below.id)), ..PageQuery::default() };
    let members = entities::read_all(state, MEMBERS, query).await?;
    let consumers = others(state, OF_GROUP, members).await?;
    let query = PageQuery { parent: Some((below.field.to_owned(), below.id)), ..PageQuery::default() };
    let assignments = kind_named("plugins")?;
    let plugins = entities::read_all(state, assignments.name, query).await?.into_iter();
    let plugins: Vec<Document> = plugins.map(|found| assignments.shown(found, state.now())).collect();
    Ok(Answer::ok(json!({
        "consumer_group": kind.shown(group, state.now()), "consumers": consumers, "plugins": plugins,
    })))
}

/// `/consumer_groups/{group}/consumers` and `/consumers/{consumer}/consumer_groups`.
pub(super) async fn answer_members(
    side: Side,
    method: &Method,
    mut call: Call<'_>,
) -> Result<Answer, ApiError> {
    let (one, below) = this_end(call.state, side, call.parameter(0)?).await?;
    match *method {
        Method::POST => {
            let sent = call.fields().await?;
            join(call.state, side, (one, below), &sent).await
        }
        Method::DELETE => {
            let query =
                PageQuery { parent: Some((below.field.to_owned(), below.id)), ..PageQuery::default() };
            let members = entities::read_all(call.state, MEMBERS, query).await?;
            let ids = members.iter().map(entities::stored_id).collect::<Result<Vec<_>, _>>()?;
            leave(call.state, ids).await
        }
        _ => {
            let paging = Paging { path: call.path, query: &call.query, is_nested: true };
            let page = call.state.store.page(MEMBERS, &paging.asked(Some(below))?).await?;
            let found = others(call.state, side, page.documents).await?;
            Ok(paging.answer(side.other_kind, found, page.next))
        }
    }
}

/// `/consumer_groups/{group}/consumers/{consumer}` and its mirror.
pub(super) async fn answer_member(side: Side, method: &Method, call: Call<'_>) -> Result<Answer, ApiError> {
    let state = call.state;
    let (one, below) = this_end(state, side, call.parameter(0)?).await?;
    let kind = kind_named(side.other_kind)?;
    let other = entities::find_entity(state, kind, call.parameter(1)?, None).await?;
    let other = other.ok_or(ApiError::NotFound)?.document;
    let id = entities::stored_id(&other)?;
    let (group, consumer) = if side.field == OF_GROUP.field { (below.id, id) } else { (id, below.id) };
    let key = Lookup::key("consumer_group,consumer", format!("{group},{consumer}"));
    let member = state.store.find(MEMBERS, &key).await?.ok_or(ApiError::NotFound)?;
    if *method == Method::DELETE {
        return leave(state, vec![entities::stored_id(&member)?]).await;
    }
    Ok(Answer::ok(json!({ side.field: one, side.other_kind: [kind.shown(other, state.now())] })))
}

/// The entity that the path begins with, as it is shown and as its memberships refer to it.
async fn this_end(state: &AdminState, side: Side, text: &str) -> Result<(Document, Forced), ApiError> {
    let kind = kind_named(side.kind)?;
    let found = entities::find_entity(state, kind, text, None).await?.ok_or(ApiError::NotFound)?.document;
    let below = Forced { field: side.field, id: entities::stored_id(&found)? };
    Ok((kind.shown(found, state.now()), below))
}

/// The entities at the other ends.
async fn others(state: &AdminState, side: Side, members: Vec<Document>) -> Result<Vec<Value>, ApiError> {
    let kind: &Kind = kind_named(side.other_kind)?;
    let mut found = Vec::with_capacity(members.len());
    for member in members {
        let id: Option<Uuid> = member.get(side.other_field).and_then(|other| id_of(other.as_object()?));
        let Some(id) = id else { continue };
        let other = state.store.find(kind.name, &Lookup::Id(id)).await?;
        found.extend(other.map(|other| Value::from(kind.shown(other, state.now()))));
    }
    Ok(found)
}

/// Makes a membership with each that the body names: one, or a list.
async fn join(
    state: &AdminState,
    side: Side,
    (one, below): (Document, Forced),
    sent: &Sent,
) -> Result<Answer, ApiError> {
    let (kind, members) = (kind_named(side.other_kind)?, kind_named(MEMBERS)?);
    let named = sent.document().get(side.word).cloned().unwrap_or(Value::Null);
    let named = if named.is_array() { named } else { json!([named]) };
    let mut joined = Vec::new();
    let mut changes = Vec::new();
    let mut last = Document::new();
    for name in named.as_array().into_iter().flatten() {
        let text = name.as_str().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| ApiError::bad_request(format!("must provide {}", side.word)))?;
        let other = entities::find_entity(state, kind, text, None).await?.ok_or(ApiError::NotFound)?.document;
        last.clear();
        last.insert(side.field.to_owned(), json!({ "id": below.id }));
        last.insert(side.other_field.to_owned(), json!({ "id": entities::stored_id(&other)? }));
        changes.push(Change::Insert(members.record(members.create(last.clone(), state.moment())?)?));
        joined.push(kind.shown(other, state.now()));
    }
    state.writable("create", members, None)?;
    state.store.write(changes).await.map_err(|error| ApiError::of_write(error, members, &last))?;
    Ok(Answer::created(
        [(side.field.to_owned(), one.into()), (side.other_kind.to_owned(), json!(joined))]
            .into_iter()
            .collect(),
    ))
}

async fn leave(state: &AdminState, ids: Vec<Uuid>) -> Result<Answer, ApiError> {
    state.writable("remove", kind_named(MEMBERS)?, None)?;
    let gone = ids.into_iter().map(|id| Change::Delete { kind: MEMBERS.to_owned(), id }).collect();
    match state.store.write(gone).await {
        Ok(_) | Err(crate::store::StoreError::NotFound { .. }) => Ok(Answer::no_content()),
        Err(error) => Err(error.into()),
    }
}
