//! Names in an entity that are entities of another kind: the SNIs of a certificate.
//!
//! They come and go in the transaction that writes the entity, and are looked up to show it.

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{read_all, reference, stored_id};
use crate::admin::error::ApiError;
use crate::admin::plugins::Ruled;
use crate::admin::state::AdminState;
use crate::model::{Document, Kind, Listed, Record, Violations, id_of, kind};
use crate::store::{Change, Lookup, PageQuery};

impl AdminState {
    /// An entity as the Admin API prints it.
    pub(in crate::admin) async fn shown(
        &self,
        kind: &Kind,
        mut document: Document,
    ) -> Result<Document, ApiError> {
        if let Some(listed) = kind.listed {
            let found = listing(self, listed, stored_id(&document)?).await?;
            let mut names: Vec<&str> = found.iter().filter_map(|found| name_of(listed, found)).collect();
            names.sort_unstable();
            document.insert(listed.field.to_owned(), json!(names));
        }
        Ok(kind.shown(document, self.now()))
    }
}

/// What has to be written for an entity: itself by `change`, and the entities that it names. With
/// `keep_names` those stay as they are.
pub(super) async fn writes(
    state: &AdminState,
    ruled: &Ruled,
    entity: &mut Document,
    keep_names: bool,
    change: impl FnOnce(Record) -> Change,
) -> Result<Vec<Change>, ApiError> {
    let names = ruled.kind.listed.and_then(|listed| Some((listed, entity.remove(listed.field)?)));
    let id = stored_id(entity)?;
    let mut changes = vec![change(ruled.record(entity.clone())?)];
    if let (Some((listed, names)), false) = (names, keep_names) {
        let names = names.as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        changes.extend(replacing(state, listed, id, &names).await?);
    }
    Ok(changes)
}

/// The deletes that go before that of the entity which names them.
pub(super) async fn deletes(state: &AdminState, kind: &Kind, id: Uuid) -> Result<Vec<Change>, ApiError> {
    match kind.listed {
        Some(listed) => replacing(state, listed, id, &[]).await,
        None => Ok(Vec::new()),
    }
}

/// The entity that a name stands for.
pub(super) async fn owner(state: &AdminState, listed: Listed, name: &str) -> Result<Option<Uuid>, ApiError> {
    let found = state.store.find(listed.kind, &Lookup::key(listed.key, name)).await?;
    Ok(found.and_then(|found| id_of(found.get(listed.back)?.as_object()?)))
}

async fn replacing(
    state: &AdminState,
    listed: Listed,
    id: Uuid,
    names: &[&str],
) -> Result<Vec<Change>, ApiError> {
    let child = kind(listed.kind).ok_or(ApiError::NotFound)?;
    let wanted: HashSet<&str> = names.iter().copied().collect();
    let mut changes = Vec::new();
    for found in listing(state, listed, id).await? {
        if name_of(listed, &found).is_none_or(|name| !wanted.contains(name)) {
            changes.push(Change::Delete { kind: child.name.to_owned(), id: stored_id(&found)? });
        }
    }
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Violations::of(listed.field, format!("{name} is duplicated")).into());
        }
        match owner(state, listed, name).await? {
            Some(owner) if owner == id => {}
            Some(owner) => {
                let text = format!("{name} already associated with existing {} '{owner}'", listed.back);
                return Err(Violations::of(listed.field, text).into());
            }
            None => {
                let mut sent = Document::new();
                sent.insert(listed.key.to_owned(), (*name).into());
                sent.insert(listed.back.to_owned(), reference(id));
                // Whoever may only touch what is tagged could not touch it again otherwise.
                if let Some(scope) = state.store.scope() {
                    sent.insert("tags".to_owned(), json!(scope));
                }
                changes.push(Change::Insert(child.record(child.create(sent, state.moment())?)?));
            }
        }
    }
    Ok(changes)
}

/// All entities of the other kind that refer to this one.
async fn listing(state: &AdminState, listed: Listed, id: Uuid) -> Result<Vec<Document>, ApiError> {
    let parent = Some((listed.back.to_owned(), id));
    Ok(read_all(state, listed.kind, PageQuery { parent, ..PageQuery::default() }).await?)
}

fn name_of(listed: Listed, found: &Document) -> Option<&str> {
    found.get(listed.key)?.as_str()
}
