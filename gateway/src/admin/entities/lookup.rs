//! From a path segment or a reference to an entity.

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Forced;
use super::listed::owner;
use crate::admin::error::{ApiError, Class};
use crate::admin::state::AdminState;
use crate::model::{Composite, Document, Kind, is_uuid, kind, lua_table};
use crate::store::{Lookup, Versioned};

/// What a path segment says: an id, or the value of the endpoint key.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::admin) struct Segment {
    pub(in crate::admin) field: &'static str,
    pub(in crate::admin) value: String,
    pub(in crate::admin) lookup: Lookup,
}

impl Segment {
    pub(super) fn of_id(id: Uuid) -> Self {
        Self { field: "id", value: id.to_string(), lookup: Lookup::Id(id) }
    }
}

/// Reads a segment; one that looks like a UUID is always an id. Below a parent, the kind may have another
/// key than at the top.
pub(in crate::admin) async fn segment(
    state: &AdminState,
    kind: &Kind,
    text: &str,
    below: Option<Forced>,
) -> Result<Segment, ApiError> {
    if is_uuid(text)
        && let Ok(id) = text.parse()
    {
        return Ok(Segment::of_id(id));
    }
    if let Some(listed) = kind.listed {
        let id = owner(state, listed, text).await?;
        let missing = || ApiError::message(StatusCode::NOT_FOUND, listed.missing);
        return id.map(Segment::of_id).ok_or_else(missing);
    }
    let (field, lookup) = match (kind.key_below, below) {
        (Some(Composite { name, fields: [parent, field], also: _ }), Some(below))
            if *parent == below.field =>
        {
            (*field, Lookup::key(name, format!("{},{text}", below.id)))
        }
        _ => {
            let field = kind.endpoint_key.ok_or_else(no_key)?;
            (field, Lookup::key(field, text))
        }
    };
    kind.check_value(field, &text.into()).map_err(|message| {
        ApiError::coded(Class::UniqueValue(field), message.clone(), json!({ field: message }))
    })?;
    Ok(Segment { field, value: text.to_owned(), lookup })
}

fn no_key() -> ApiError {
    let fields = json!({ "id": "expected a valid UUID" });
    let message = "invalid primary key: '{id=\"expected a valid UUID\"}'";
    ApiError::coded(Class::PrimaryKey, message, fields)
}

/// The entity that a path segment names.
pub(in crate::admin) async fn find_entity(
    state: &AdminState,
    kind: &Kind,
    text: &str,
    below: Option<Forced>,
) -> Result<Option<Versioned>, ApiError> {
    let segment = segment(state, kind, text, below).await?;
    Ok(state.store.find_versioned(kind.name, &segment.lookup).await?)
}

/// Replaces references by a unique key with references by id.
pub(super) async fn resolve_references(
    state: &AdminState,
    kind: &Kind,
    document: &mut Document,
) -> Result<(), ApiError> {
    let mut unresolved = Document::new();
    let mut texts = Vec::new();
    for foreign in kind.foreigns() {
        let Some(Value::Object(reference)) = document.get_mut(foreign.field) else {
            continue;
        };
        let Some((key, value)) = unique_key(foreign.target, reference) else {
            continue;
        };
        let found = state.store.find(foreign.target, &Lookup::key(key, &value)).await?;
        let Some(id) = found.and_then(|mut found| found.remove("id")) else {
            let mut shown = Document::new();
            shown.insert(key.to_owned(), value.into());
            let text = format!(
                "the foreign key cannot be resolved with '{}' for an existing '{}' entity",
                lua_table(&shown),
                foreign.target
            );
            texts.push(format!("{}.{key}: {text}", foreign.field));
            unresolved.insert(foreign.field.to_owned(), json!({ key: text }));
            continue;
        };
        reference.clear();
        reference.insert("id".to_owned(), id);
    }
    let all = texts.join("; ");
    match texts.len() {
        0 => Ok(()),
        1 => Err(ApiError::coded(
            Class::Unresolved,
            format!("foreign key unresolved ({all})"),
            unresolved.into(),
        )),
        count => {
            let message = format!("{count} foreign keys unresolved ({all})");
            Err(ApiError::coded(Class::Unresolved, message, unresolved.into()))
        }
    }
}

/// The unique key that a reference without an id gives.
fn unique_key(target: &str, reference: &Document) -> Option<(&'static str, String)> {
    if reference.contains_key("id") {
        return None;
    }
    let keys = kind(target)?.uniques().iter();
    keys.copied().find_map(|key| Some((key, reference.get(key)?.as_str()?.to_owned())))
}
