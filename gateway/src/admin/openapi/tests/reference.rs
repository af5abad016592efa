//! `docs/admin-api-reference.md` is made of the description. `WEIR_WRITE_REFERENCE=1` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::operations;
use crate::admin::openapi::document;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/admin-api-reference.md");

#[test]
fn the_reference_page_is_up_to_date() {
    let page = page(&document());
    if std::env::var_os("WEIR_WRITE_REFERENCE").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    let first = page.lines().zip(written.lines()).find(|(one, other)| one != other);
    assert!(
        page == written,
        "docs/admin-api-reference.md is out of date: run this test with WEIR_WRITE_REFERENCE=1 and commit what \
         it wrote; the first difference is {first:?}"
    );
}

fn page(document: &Value) -> String {
    let mut page = String::from(
        "# Which paths and fields are there?\n\nMade from the description that each gateway serves at \
         `/openapi.json` (OpenAPI 3.1), by the test `the_reference_page_is_up_to_date`; do\nnot edit it. How the \
         paths behave together (pages, tags, forms, errors) is told in [admin-api.md](admin-api.md). Failures are \
         left out here:\neach operation has them in the description.\n",
    );
    for (tag, lines) in by_tag(document) {
        _ = write!(page, "\n## {tag}\n\n| request | what it does | answers |\n|---|---|---|\n{lines}");
    }
    page.push_str(
        "\n# Fields\n\nWhat may be sent. A field that is marked * must be when an entity is made.\n",
    );
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(entity) = name.strip_suffix("Fields") else { continue };
        let required = required(document, name);
        _ = write!(page, "\n## {entity}\n\n| field | type | default | limits |\n|---|---|---|---|\n");
        rows(&mut page, "", schema, &required);
    }
    page
}

/// The lines of each heading; what can only refuse stands last.
fn by_tag(document: &Value) -> Vec<(String, String)> {
    let mut found: BTreeMap<(bool, String), String> = BTreeMap::new();
    for (path, method, operation) in operations(document) {
        let responses = operation["responses"].as_object().unwrap();
        let good = responses.keys().map(String::as_str).filter(|status| status.starts_with('2'));
        let statuses: Vec<&str> = good.collect();
        let refuses = operation["deprecated"] == true;
        let tag = if refuses { "For old clients" } else { operation["tags"][0].as_str().unwrap() };
        let query: Vec<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter["$ref"].as_str()?.rsplit('/').next())
            .collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        _ = writeln!(
            found.entry((refuses, tag.to_owned())).or_default(),
            "| `{} {path}{query}` | {} | {} |",
            method.to_ascii_uppercase(),
            operation["summary"].as_str().unwrap(),
            statuses.join(", "),
        );
    }
    found.into_iter().map(|((_, tag), lines)| (tag, lines)).collect()
}

/// What a new entity needs: it stands in the body of the operation that makes it.
fn required(document: &Value, fields: &str) -> Vec<String> {
    let wanted = format!("#/components/schemas/{fields}");
    let bodies = operations(document).into_iter().filter(|(_, method, _)| *method == "post").filter_map(
        |(_, _, operation)| operation.pointer("/requestBody/content/application~1json/schema/allOf"),
    );
    let found =
        bodies.filter(|all| all[0]["$ref"] == wanted.as_str()).find_map(|all| all[1]["required"].as_array());
    found.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn rows(page: &mut String, above: &str, schema: &Value, required: &[String]) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{above}{name}");
        let mark = if required.contains(&path) { " *" } else { "" };
        let default = field.get("default").filter(|default| !default.is_object());
        let default = default.map(|default| format!("`{default}`")).unwrap_or_default();
        _ = writeln!(page, "| `{path}`{mark} | {} | {default} | {} |", kind(field), limits(field));
        let is_reference = field["properties"].get("id").is_some() && field["minProperties"] == 1;
        if !is_reference {
            rows(page, &format!("{path}."), field, required);
        }
    }
}

fn kind(field: &Value) -> String {
    let text = match &field["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => several
            .iter()
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "any JSON".to_owned(),
    };
    match text.as_str() {
        "array" => format!("list of {}", kind(&field["items"])),
        "object" if field["minProperties"] == 1 => {
            let keys: Vec<&str> =
                field["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            format!("reference by {}", keys.join(" or "))
        }
        "object" if field.get("propertyNames").is_some() => {
            format!("map to {}", kind(&field["additionalProperties"]))
        }
        "object" => "record".to_owned(),
        _ => text,
    }
}

fn limits(field: &Value) -> String {
    let mut found = Vec::new();
    if let Some(values) = field["enum"].as_array() {
        let values: Vec<String> =
            values.iter().filter(|value| !value.is_null()).map(|value| format!("`{value}`")).collect();
        found.push(values.join(", "));
    }
    match (field["minimum"].as_i64(), field["maximum"].as_i64()) {
        (Some(least), Some(most)) if most < 1 << 53 => found.push(format!("{least} to {most}")),
        _ => {}
    }
    if let Some(above) = field["exclusiveMinimum"].as_i64() {
        found.push(format!("above {above}"));
    }
    found.extend(field["format"].as_str().map(|format| format.to_uppercase()));
    found.extend(field["pattern"].as_str().map(|text| format!("`{}`", text.replace('|', "\\|"))));
    found.join("; ")
}
