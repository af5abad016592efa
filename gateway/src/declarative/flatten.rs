//! From the tree of a file to a list of entities, each with its place and its parent.
//!
//! An entity is nested by the name of its kind, below one that it can refer to. Consumer groups have
//! the forms of Kong's paid edition beside that: `groups` of a consumer and `consumers` of a group.

use serde_json::{Value, json};

use super::declared_kinds;
use super::fault::{Found, Step};
use crate::model::{Document, Kind, kind};

const VERSIONS: [&str; 3] = ["1.1", "2.1", "3.0"];
/// Keys at the top that say nothing to a gateway: comments, and what decK tells itself.
const PASSED_OVER: [&str; 4] = ["_comment", "_ignore", "_info", "_konnect"];

const MEMBERS: &str = "consumer_group_consumers";
/// Parent, key below it, the field of a membership that refers to the other end.
const MEMBERSHIPS: [(&str, &str, &str); 2] =
    [("consumers", "groups", "consumer_group"), ("consumer_groups", "consumers", "consumer")];

/// One entity as it was sent, without those below it.
pub(super) struct Item {
    pub(super) kind: &'static Kind,
    pub(super) sent: Document,
    /// The item that it stands below, and the field that refers to it.
    pub(super) parent: Option<(usize, &'static str)>,
    /// The key that it stands under, and where in the list there.
    pub(super) place: (&'static str, usize),
}

/// A file as a list.
#[derive(Default)]
pub(super) struct Flat {
    pub(super) items: Vec<Item>,
    pub(super) found: Vec<Found>,
    /// Passwords are to be hashed.
    pub(super) transform: bool,
}

impl Flat {
    /// The path of an item in the file.
    pub(super) fn path(&self, at: usize) -> Vec<Step> {
        let mut path = Vec::new();
        let mut next = self.items.get(at);
        while let Some(item) = next {
            let (key, index) = item.place;
            path.push(Step::At(index));
            path.push(Step::Key(key.to_owned()));
            next = item.parent.and_then(|(parent, _)| self.items.get(parent));
        }
        path.reverse();
        path
    }

    fn wrong(&mut self, path: Vec<Step>, text: &str) {
        self.found.push(Found { path, what: text.into(), entity: None });
    }

    fn wrong_key(&mut self, key: &str, text: &str) {
        self.wrong(vec![Step::Key(key.to_owned())], text);
    }
}

/// Takes a file apart. `None` if it is no record at all.
pub(super) fn flatten(root: Value) -> Option<Flat> {
    let Value::Object(mut root) = root else { return None };
    let mut flat = Flat { transform: true, ..Flat::default() };
    let is_old = version(&mut flat, root.remove("_format_version"));
    match root.remove("_transform") {
        None | Some(Value::Null) => {}
        Some(Value::Bool(transform)) => flat.transform = transform,
        Some(_) => flat.wrong_key("_transform", "expected a boolean"),
    }
    match root.remove("_workspace") {
        None | Some(Value::Null) => {}
        Some(name) if name == "default" => {}
        Some(_) => flat.wrong_key("_workspace", "there is one workspace, 'default'"),
    }
    PASSED_OVER.iter().for_each(|key| _ = root.remove(*key));
    for kind in declared_kinds() {
        if let Some(value) = root.remove(kind.name) {
            list(&mut flat, (kind, kind.name), None, value);
        }
    }
    let unknown: Vec<String> = root.into_iter().map(|(key, _)| key).collect();
    unknown.iter().for_each(|key| flat.wrong_key(key, "unknown field"));
    if is_old {
        flat.items.iter_mut().filter(|item| item.kind.name == "routes").for_each(modernize);
    }
    Some(flat)
}

/// Whether the file is of a version before 3.0.
fn version(flat: &mut Flat, value: Option<Value>) -> bool {
    let text = match value {
        Some(Value::String(version)) if VERSIONS.contains(&version.as_str()) => return version != "3.0",
        None | Some(Value::Null) => "required field missing".to_owned(),
        Some(Value::String(_)) => format!("expected one of: {}", VERSIONS.join(", ")),
        Some(_) => "expected a string".to_owned(),
    };
    flat.wrong_key("_format_version", &text);
    false
}

/// Before 3.0 a path with the letters of a regular expression was one.
fn modernize(route: &mut Item) {
    let plain = |path: &str| {
        path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '/' | '%'))
    };
    let paths = route.sent.get_mut("paths").and_then(Value::as_array_mut);
    for path in paths.into_iter().flatten() {
        if let Value::String(text) = path
            && !text.starts_with('~')
            && !plain(text)
        {
            text.insert(0, '~');
        }
    }
}

/// The entities of one list. `key` is what the list stands under.
fn list(
    flat: &mut Flat,
    (kind, key): (&'static Kind, &'static str),
    parent: Option<(usize, &'static str)>,
    value: Value,
) {
    let mut path = parent.map(|(parent, _)| flat.path(parent)).unwrap_or_default();
    path.push(Step::Key(key.to_owned()));
    let elements = match value {
        Value::Null => return,
        Value::Array(elements) => elements,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return flat.wrong(path, "expected an array");
        }
    };
    for (at, element) in elements.into_iter().enumerate() {
        match record(kind, key, parent, element) {
            Some(sent) => entity(flat, Item { kind, sent, parent, place: (key, at) }),
            None => {
                let mut path = path.clone();
                path.push(Step::At(at));
                flat.wrong(path, "expected a record");
            }
        }
    }
}

/// An element of a list as fields. Where the parent lists names, a name alone will do.
fn record(kind: &Kind, key: &str, parent: Option<(usize, &str)>, element: Value) -> Option<Document> {
    let member = MEMBERSHIPS.iter().find(|(_, below, _)| kind.name == MEMBERS && *below == key);
    match (element, member) {
        // What names the other end stands for it; the rest of a membership is the gateway's.
        (Value::Object(mut named), Some((.., other))) => {
            let names = ["id", "username", "custom_id", "name"];
            let name = names.iter().find_map(|field| named.remove(*field));
            Some(document(other, name.unwrap_or(Value::Null)))
        }
        (name @ Value::String(_), Some((.., other))) => Some(document(other, name)),
        (Value::Object(fields), None) => Some(fields),
        (name @ Value::String(_), None) if parent.is_some() && kind.name == "snis" => {
            Some(document("name", name))
        }
        (_, _) => None,
    }
}

fn document(key: &str, value: Value) -> Document {
    let mut document = Document::new();
    document.insert(key.to_owned(), value);
    document
}

/// Adds an entity, then those below it.
fn entity(flat: &mut Flat, mut item: Item) {
    let below = take_below(item.kind, &mut item.sent);
    let at = flat.items.len();
    flat.items.push(item);
    for Below { kind, key, field, value } in below {
        list(flat, (kind, key), Some((at, field)), value);
    }
}

/// A list of children.
struct Below {
    kind: &'static Kind,
    key: &'static str,
    /// The field by which they refer to the parent.
    field: &'static str,
    value: Value,
}

fn take_below(parent: &'static Kind, sent: &mut Document) -> Vec<Below> {
    let mut below = Vec::new();
    for (_, key, other) in MEMBERSHIPS.iter().filter(|(of, ..)| *of == parent.name) {
        if let (Some(value), Some(kind)) = (sent.remove(*key), kind(MEMBERS)) {
            let field = if *other == "consumer" { "consumer_group" } else { "consumer" };
            below.push(Below { kind, key, field, value });
        }
    }
    for kind in declared_kinds() {
        let foreign = kind.foreigns().iter().find(|foreign| foreign.target == parent.name);
        let Some(foreign) = foreign else { continue };
        if let Some(value) = sent.remove(kind.name) {
            below.push(Below { kind, key: kind.name, field: foreign.field, value });
        }
    }
    below
}

/// The reference of an item to its parent.
pub(super) fn reference(id: uuid::Uuid) -> Value {
    json!({ "id": id.to_string() })
}

/// Whether a list of this key may stand below an entity of `parent`, and of which kind it is then.
pub(super) fn nested(parent: &Kind) -> Vec<(&'static str, &'static Kind)> {
    let memberships = MEMBERSHIPS.iter().filter(|(of, ..)| *of == parent.name);
    let memberships = memberships.filter_map(|(_, key, _)| Some((*key, kind(MEMBERS)?)));
    let children = declared_kinds()
        .filter(|kind| kind.foreigns().iter().any(|foreign| foreign.target == parent.name))
        .map(|kind| (kind.name, kind));
    memberships.chain(children).collect()
}
