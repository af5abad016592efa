//! From entities to a file of the format 3.0: flat, with ids, in an order that does not change.
//!
//! Nulls that a reader would put back are left out, and so is the moment of the last change, which
//! every write sets anew: what was exported, imported and exported again is the same text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::identify::canonical;
use super::{PASSING, declared_kinds};
use crate::model::{Document, Kind, id_of};

/// Begins a file whose passwords are hashes already.
const HEAD: &str = "_format_version: \"3.0\"\n_transform: false\n";

/// Writes a file that holds all of `documents`, by kind, as of the second `now`.
///
/// # Errors
///
/// A text that YAML cannot hold.
pub fn print(documents: &BTreeMap<String, Vec<Document>>, now: i64) -> Result<String, String> {
    let mut text = HEAD.to_owned();
    for kind in declared_kinds().filter(|kind| !PASSING.contains(&kind.name)) {
        let mut entities: Vec<&Document> = documents.get(kind.name).into_iter().flatten().collect();
        if entities.is_empty() {
            continue;
        }
        entities.sort_by_cached_key(|entity| (name_of(kind, entity), id_of(entity)));
        text.push_str(kind.name);
        text.push_str(":\n");
        for entity in entities {
            let entity = printed(kind, entity.clone(), now);
            // A text of one line stays on one line.
            let options = serde_saphyr::ser_options! { folded_wrap_chars: 1 << 30 };
            let printed = serde_saphyr::to_string_with_options(&[entity], options);
            text.push_str(&printed.map_err(|error| error.to_string())?);
        }
    }
    Ok(text)
}

fn name_of(kind: &Kind, entity: &Document) -> String {
    let name = kind.endpoint_key.and_then(|field| entity.get(field)?.as_str());
    name.unwrap_or_default().to_owned()
}

fn printed(kind: &Kind, entity: Document, now: i64) -> Document {
    let mut entity = kind.without_nulls(kind.shown(entity, now));
    entity.remove("updated_at");
    for foreign in kind.foreigns() {
        if let Some(value) = entity.get_mut(foreign.field)
            && let Some(id) = value.get("id").and_then(Value::as_str)
        {
            *value = id.into();
        }
    }
    in_order(kind, entity)
}

/// The id first, then the fields in the order of the kind, and by name below them: in which order they
/// were once sent does not show.
fn in_order(kind: &Kind, mut entity: Document) -> Document {
    let mut ordered = Document::new();
    for field in ["id"].into_iter().chain(kind.field_names()) {
        if let Some(value) = entity.remove(field) {
            ordered.insert(field.to_owned(), canonical(&value));
        }
    }
    ordered.extend(entity);
    ordered
}
