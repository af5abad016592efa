//! A file against what is stored.

use serde_json::json;

use super::{documents, good, one, read_on};
use crate::declarative::{Scope, Stored, compare};

const FILE: &str = "_format_version: '3.0'\nservices:\n- {name: a, host: h}\n- {name: b, host: h}\n\
                    consumers:\n- username: c\n  keyauth_credentials:\n  - tags: [t]\n";

#[test]
fn only_what_differs_is_written() {
    let stored = Stored::new(documents(&good(FILE)));
    let plan =
        |text: &str, scope| compare(read_on(text, &stored, true, super::NOW + 5).unwrap(), &stored, scope);
    let same = plan(FILE, Scope::Whole);
    assert_eq!((same.len(), same.unchanged), (0, 4), "later, and with a key that the gateway made: {same:?}");
    let changed = "_format_version: '3.0'\nservices:\n- {name: a, host: other}\n- {name: new, host: h}\n";
    let named = plan(changed, Scope::Named);
    assert_eq!((named.insert.len(), named.replace.len(), named.remove.len()), (1, 1, 0));
    let whole = plan(changed, Scope::Whole);
    assert_eq!((whole.insert.len(), whole.replace.len(), whole.remove.len()), (1, 1, 3));
}

#[test]
fn on_top_an_entity_is_known_by_its_key() {
    let id = "11111111-1111-4111-8111-111111111111";
    let text = format!(
        "_format_version: '3.0'\nupstreams:\n- id: {id}\n  name: u\n  targets:\n  - {{id: {id}, target: 'a.test'}}\n\
         consumers:\n- {{id: {id}, username: c}}\n"
    );
    let stored = Stored::new(documents(&good(&text)));
    let text = "_format_version: '3.0'\nupstreams:\n- name: u\n  targets:\n  - {target: 'a.test', weight: 7}\n\
                acls:\n- consumer: c\n  group: g\n";
    let records = read_on(text, &stored, true, super::NOW).unwrap();
    assert_eq!(one(&records, "upstreams").id.to_string(), id);
    assert_eq!(one(&records, "targets").id.to_string(), id);
    assert_eq!(one(&records, "acls").document["consumer"], json!({ "id": id }), "a stored consumer");
    assert!(read_on(text, &stored, false, super::NOW).is_err(), "a file of its own knows no stored consumer");
}
