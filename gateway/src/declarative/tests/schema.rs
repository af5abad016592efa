//! The schema for editors agrees with what is read.

use serde_json::{Value, json};

use super::{good, read_alone};
use crate::declarative::editor_schema;

fn valid(file: &Value) -> Result<(), String> {
    let schema = editor_schema(&[("key-auth".to_owned(), json!({ "type": "object" }))]);
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.validate(file).map_err(|error| format!("{}: {error}", error.instance_path()))
}

#[test]
fn files_that_are_read_are_valid() {
    let all = include_str!("../../../../tests/data/declarative/all.yaml");
    good(all);
    let file: Value = serde_saphyr::from_str(all).unwrap();
    valid(&file).unwrap();
}

#[test]
fn what_an_editor_marks_is_not_read_either() {
    for (case, file) in [
        ("no version", json!({ "services": [] })),
        ("unknown kind", json!({ "_format_version": "3.0", "service": [] })),
        ("unknown field", json!({ "_format_version": "3.0", "services": [{ "hots": "a" }] })),
        ("wrong type", json!({ "_format_version": "3.0", "services": [{ "host": "a", "port": "80" }] })),
        ("out of bounds", json!({ "_format_version": "3.0", "services": [{ "host": "a", "port": 65_536 }] })),
        ("no choice", json!({ "_format_version": "3.0", "services": [{ "host": "a", "protocol": "x" }] })),
        (
            "nested",
            json!({ "_format_version": "3.0", "services": [{ "host": "a", "routes": [{ "paths": [1] }] }] }),
        ),
    ] {
        assert!(valid(&file).is_err(), "{case}: the schema");
        assert!(read_alone(&file.to_string()).is_err(), "{case}: the reader");
    }
}
