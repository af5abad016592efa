//! The operations that every kind of entity has.

use axum::http::Method;
use serde_json::{Value, json};

use super::operation::{Body, Content, Operation, schema};
use super::words;
use crate::model::{Foreign, Kind};

/// Where entities of a kind are spoken of: at the top, or below another.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Top,
    Below(&'a Kind),
}

impl Place<'_> {
    /// The end of an operation's name.
    fn of(self) -> String {
        match self {
            Self::Top => String::new(),
            Self::Below(parent) => format!("Of{}", words::entity(parent)),
        }
    }

    /// The end of a summary.
    fn suffix(self) -> String {
        match self {
            Self::Top => String::new(),
            Self::Below(parent) => format!(" of {}", words::one(parent)),
        }
    }

    /// 404 for a parent that does not exist.
    fn failures(self) -> &'static [u16] {
        match self {
            Self::Top => &[503],
            Self::Below(_) => &[404, 503],
        }
    }
}

/// A page of a list, or a new entity.
pub(super) fn collection(kind: &Kind, place: Place<'_>, method: &Method) -> Operation {
    let (tag, all, end) = (words::tag(kind), words::joined(kind.name), place.suffix());
    if *method == Method::POST {
        let id = format!("create{}{}", words::entity(kind), place.of());
        return Operation::new(id, tag, format!("Create {}{end}", words::one(kind)))
            .body(Body::Fields(created(kind)))
            .gives(201, Content::Json("The new entity.", schema(&words::entity(kind))))
            .fails(&[405, 409])
            .fails(place.failures());
    }
    let mut operation =
        Operation::new(format!("list{all}{}", place.of()), tag, format!("List {}{end}", words::all(kind)))
            .query(&["size", "offset"])
            .shows("One page.", page(kind))
            .fails(&[400])
            .fails(place.failures());
    if kind.fields().get("tags").is_some() {
        operation = operation.query(&["tags"]);
    }
    if kind.name == "consumers" && matches!(place, Place::Top) {
        operation = operation.query(&["custom_id"]);
    }
    operation
}

/// One entity: shown, replaced or made, changed, deleted.
pub(super) fn entity(kind: &Kind, place: Place<'_>, method: &Method) -> Operation {
    let one = words::one(kind);
    let name = |verb: &str| format!("{verb}{}{}", words::entity(kind), place.of());
    let operation = |verb: &str, word: &str| {
        let end = place.suffix();
        Operation::new(name(verb), words::tag(kind), format!("{word} {one}{end}")).fails(place.failures())
    };
    let shown = || schema(&words::entity(kind));
    match *method {
        Method::PUT => operation("put", "Create or replace")
            .body(Body::Fields(replaced(kind)))
            .shows("The entity as it is now.", shown())
            .fails(&[405, 409]),
        Method::PATCH => operation("update", "Change some fields of")
            .body(Body::Fields(schema(&fields_name(kind))))
            .shows("The entity as it is now.", shown())
            .fails(&[404, 405, 409]),
        Method::DELETE => operation("delete", "Delete")
            .gives(204, Content::Nothing("It is gone, or never was."))
            .fails(&[400, 404, 405]),
        _ => operation("get", "Show").shows("The entity.", shown()).fails(&[400, 404]),
    }
}

/// The entity that another refers to.
pub(super) fn parent(child: &Kind, foreign: Foreign, target: &Kind, method: &Method) -> Operation {
    let mut operation = entity(target, Place::Below(child), method);
    let verb = operation.id.split(char::is_uppercase).next().unwrap_or_default().to_owned();
    operation.id = format!("{verb}{}Of{}", words::joined(foreign.field), words::entity(child));
    let field = foreign.field.replace('_', " ");
    operation.summary = operation.summary.replacen(&words::one(target), &format!("the {field}"), 1);
    operation
}

/// The schema of a page.
pub(super) fn page(kind: &Kind) -> Value {
    page_of(schema(&words::entity(kind)), "data")
}

/// A page whose elements obey `element`.
pub(super) fn page_of(element: Value, name: &str) -> Value {
    json!({
        "type": "object",
        "required": [name, "next"],
        "properties": {
            name: { "type": "array", "items": element },
            "next": { "type": ["string", "null"], "description": "The path of the next page." },
            "offset": { "type": "string", "description": "Where the next page begins. Not on the last." },
        },
    })
}

/// The name of the schema of what may be sent for a kind.
pub(super) fn fields_name(kind: &Kind) -> String {
    format!("{}Fields", words::entity(kind))
}

/// What a new entity needs.
pub(super) fn created(kind: &Kind) -> Value {
    requiring(kind, kind.required())
}

/// What a PUT needs: the key comes from the path.
fn replaced(kind: &Kind) -> Value {
    requiring(kind, kind.required().into_iter().filter(|name| kind.endpoint_key != Some(*name)).collect())
}

fn requiring(kind: &Kind, names: Vec<&str>) -> Value {
    let fields = schema(&fields_name(kind));
    if names.is_empty() { fields } else { json!({ "allOf": [fields, { "required": names }] }) }
}
