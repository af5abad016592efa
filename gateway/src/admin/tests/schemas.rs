//! What `/schemas/…` answers, against the schemas of Kong 3.9.3.

use serde_json::{Map, Value, json};

use super::Admin;

/// Kinds of Kong that are not served; docs/kong-compatibility.md says why.
const UNSERVED: [&str; 6] = [
    "acme_storage",
    "clustering_data_planes",
    "filter_chains",
    "parameters",
    "ratelimiting_metrics",
    "sessions",
];

#[tokio::test]
async fn schemas_are_kongs() {
    let admin = Admin::new().await;
    let kong: Value =
        serde_json::from_str(include_str!("../../../../tests/data/kong-3.9.3-schemas.json")).unwrap();
    let mut compared = 0;
    for (name, want) in kong.as_object().unwrap() {
        let path = format!("/schemas/{name}");
        let reply = admin.get(&path).await;
        if UNSERVED.contains(&name.as_str()) {
            assert_eq!(reply.status, 404, "{name} is said not to be served");
            continue;
        }
        assert_eq!(reply.status, 200, "{name}");
        compared += 1;
        let fields = reply.body["fields"].as_array().unwrap();
        let find = |name: &str| fields.iter().find_map(|field| field.get(name));
        for field in want["fields"].as_array().unwrap() {
            let (field, want) = field.as_object().unwrap().iter().next().unwrap();
            let ours = find(field).unwrap_or_else(|| panic!("{name}.{field} is missing"));
            assert_eq!(plain(ours), plain(want), "{name}.{field}");
        }
        let known: Vec<&str> = want["fields"].as_array().unwrap().iter().map(first_key).collect();
        for field in fields.iter().map(first_key) {
            let own = name == "plugins" && ["consumer_group", "sandbox"].contains(&field);
            assert!(own || known.contains(&field), "{name}.{field} is not Kong's");
        }
        let checks: Vec<Value> = reply.body["entity_checks"].as_array().unwrap().iter().map(plain).collect();
        let wanted = want.get("entity_checks").and_then(Value::as_array).cloned().unwrap_or_default();
        // What Kong leaves to code over a route's whole expression is part of our formats.
        let wanted =
            wanted.iter().filter(|check| name != "routes" || check.get("custom_entity_check").is_none());
        for check in wanted {
            assert!(checks.contains(&plain(check)), "{name}: {check} not in {checks:?}");
        }
    }
    assert_eq!(compared, kong.as_object().unwrap().len() - UNSERVED.len());
}

fn first_key(field: &Value) -> &str {
    field.as_object().and_then(|field| field.keys().next()).map(String::as_str).unwrap()
}

/// Without what a function does, and with fields of records in one order: we print them as declared, the
/// facts are sorted by a hash.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(plain_map(map)),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn plain_map(map: &Map<String, Value>) -> Map<String, Value> {
    let is_record = map.get("type") == Some(&json!("record"));
    let mut out = Map::new();
    for (key, value) in map {
        let dull = match key.as_str() {
            "custom_validator" | "fn" | "run_with_invalid_fields" => true,
            // Kong makes records of entities required without saying so.
            "required" => is_record || *value == json!(false),
            "unique" => *value == json!(false),
            // The type of an element within a condition.
            "type" => map.contains_key("not_one_of") && !map.contains_key("required"),
            _ => false,
        };
        if dull {
            continue;
        }
        let mut value = plain(value);
        if key == "fields" {
            let mut list: Vec<Value> = value.as_array().cloned().unwrap_or_default();
            list.sort_by_key(|field| first_key(field).to_owned());
            value = list.into();
        }
        out.insert(key.clone(), value);
    }
    out
}

#[tokio::test]
async fn vaults_and_filters_have_schemas_of_their_own() {
    let admin = Admin::new().await;
    for (path, message) in [
        ("/schemas/vaults/x", "No vault named 'x'"),
        ("/schemas/filters/x", "Filter 'x' not found"),
        ("/schemas/x", "No entity named 'x'"),
    ] {
        let reply = admin.get(path).await;
        assert_eq!((reply.status, &reply.body["message"]), (404, &json!(message)), "{path}");
    }
    for (body, status) in [
        (json!({"name": "env", "prefix": "my-env", "config": {"prefix": "A_"}}), 200),
        (json!({"name": "env", "prefix": "my-env", "config": {"prefix": "9"}}), 400),
        (json!({"name": "aws", "prefix": "my-aws"}), 400),
    ] {
        let reply = admin.json("POST", "/schemas/vaults/validate", body.clone()).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.body);
    }
    assert_eq!(admin.get("/vaults").await.body["data"], json!([]), "nothing was stored");
}
