//! The description against the paths that are served, both ways, and the page that is made of it.

mod reference;

use std::collections::BTreeSet;

use serde_json::Value;

use super::{document, special};
use crate::admin::answer::Content;
use crate::admin::paths::{self, resolve};

/// Methods of a path item.
const METHODS: [&str; 5] = ["delete", "get", "patch", "post", "put"];

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        found.extend(METHODS.iter().filter_map(|method| Some((path.as_str(), *method, item.get(method)?))));
    }
    found
}

#[test]
fn what_is_served_is_described_and_nothing_else() {
    let document = document();
    let described: BTreeSet<(String, String)> = operations(&document)
        .into_iter()
        .map(|(path, method, _)| (path.to_owned(), method.to_ascii_uppercase()))
        .collect();
    let mut served = BTreeSet::new();
    for (pattern, endpoint) in paths::lines() {
        for method in endpoint.methods() {
            // What may be left out is said in one place.
            if special::operation(pattern, endpoint, method).is_some() {
                served.insert((pattern.to_owned(), method.to_string()));
            }
        }
    }
    assert_eq!(described, served);
    for (path, method) in &described {
        let (endpoint, _) = resolve(&path.replace(['{', '}'], "")).unwrap_or_else(|| panic!("{path}"));
        assert!(endpoint.methods().iter().any(|known| known.as_str() == method), "{method} {path}");
    }
    let left_out: Vec<&str> = paths::lines()
        .filter(|(pattern, _)| !document["paths"].as_object().unwrap().contains_key(*pattern))
        .map(|(pattern, _)| pattern)
        .collect();
    assert_eq!(
        left_out,
        [
            "/schemas/filters/{name}",
            "/snis/{snis}/certificate",
            "/targets",
            "/targets/{targets}",
            "/targets/{targets}/upstream"
        ],
        "paths that always answer 404"
    );
}

#[test]
fn operations_have_names_of_their_own_and_references_lead_somewhere() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{method} {path}: {id} is another's");
        assert!(id.chars().all(|letter| letter.is_ascii_alphanumeric()), "{id}");
    }
    check_references(&document, &document);
}

fn check_references(value: &Value, document: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(to)) = fields.get("$ref") {
                assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
            }
            fields.values().for_each(|value| check_references(value, document));
        }
        Value::Array(list) => list.iter().for_each(|value| check_references(value, document)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_document_is_made_once() {
    let [one, other] = [super::show(), super::show()].map(|answer| answer.content);
    let (Content::Bytes(_, one), Content::Bytes(_, other)) = (one, other) else { panic!("no bytes") };
    assert_eq!(one.as_ptr(), other.as_ptr());
}
