//! `/schemas/plugins/…` of the bundled plugins, against the schemas of Kong 3.9.3.

use http::Method;
use serde_json::{Map, Value, json};

use crate::setup::gateway;

/// Fields that are told in another way, with the reason.
const DIFFERENT: [(&str, &str); 12] = [
    // Regexes are tried when the plugin is configured.
    ("bot-detection", "allow"),
    ("bot-detection", "deny"),
    // Lua is refused: the words for its keys do not matter.
    ("file-log", "custom_fields_by_lua"),
    ("http-log", "custom_fields_by_lua"),
    // Patterns in the syntax of regular expressions and not of Lua.
    ("file-log", "path"),
    ("http-log", "headers"),
    ("rate-limiting", "path"),
    ("request-transformer", "http_method"),
    // Old fields, without the release in which Kong removes them.
    ("http-log", "flush_timeout"),
    ("http-log", "queue_size"),
    ("http-log", "retry_count"),
    // An empty word is none of the policies.
    ("rate-limiting", "policy"),
];

#[tokio::test]
async fn schemas_of_bundled_plugins_are_kongs() -> anyhow::Result<()> {
    let kong: Map<String, Value> =
        serde_json::from_str(include_str!("../../data/kong-3.9.3-plugin-schemas.json"))?;
    let gateway = gateway().start().await?;
    let node = gateway.admin(Method::GET, "/", &Value::Null).await?.json();
    let bundled = node["plugins"]["available_on_server"].as_object().cloned().unwrap_or_default();
    assert!(bundled.keys().eq(kong.keys()), "{:?}", bundled.keys());
    let mut compared = 0;
    for (name, want) in &kong {
        let ours =
            gateway.admin(Method::GET, &format!("/schemas/plugins/{name}"), &Value::Null).await?.json();
        let field = |name: &str| by_name(&ours["fields"]).remove(name).unwrap_or_default();
        let config = field("config");
        let (fields, wanted) = (by_name(&config["fields"]), by_name(&want["config"]["fields"]));
        assert!(fields.keys().eq(wanted.keys()), "{name}: {:?} {:?}", fields.keys(), wanted.keys());
        let is_different = |field: &str| DIFFERENT.contains(&(name.as_str(), field));
        for (field, want) in &wanted {
            let is_same = plain(&fields[field]) == plain(want);
            assert_eq!(is_same, !is_different(field), "{name}.{field}: {} {want}", fields[field]);
            compared += 1;
        }
        let old = |config: &Value| by_name(&config["shorthand_fields"]).into_keys().collect::<Vec<_>>();
        assert_eq!(old(&config), old(&want["config"]), "{name}: old names");
        let checks = |schema: &Value| schema["entity_checks"].as_array().cloned().unwrap_or_default();
        for check in checks(want) {
            assert!(checks(&ours).contains(&check), "{name}: {check}");
        }
        assert_eq!(field("consumer").get("eq").is_some(), want["consumer"] == true, "{name} for consumers");
    }
    assert!(compared > 100, "{compared}");
    Ok(())
}

/// Fields by their names, in alphabetical order.
fn by_name(fields: &Value) -> std::collections::BTreeMap<String, Value> {
    let fields = fields.as_array().into_iter().flatten().filter_map(Value::as_object);
    fields.flat_map(|field| field.iter().map(|(name, field)| (name.clone(), field.clone()))).collect()
}

/// Without what says nothing, and with fields of records in one order.
fn plain(value: &Value) -> Value {
    let map = match value {
        Value::Object(map) => map,
        Value::Array(list) => return list.iter().map(plain).collect(),
        Value::Number(number) => return json!(number.as_f64()),
        Value::Null | Value::Bool(_) | Value::String(_) => return value.clone(),
    };
    let is_record = map.get("type") == Some(&json!("record"));
    let said = map.iter().filter(|(key, value)| match key.as_str() {
        "custom_validator" | "fn" | "run_with_invalid_fields" | "description" => false,
        "required" => !is_record && **value != false,
        "unique" => **value != false,
        _ => true,
    });
    let plainly = |(key, value): (&String, &Value)| {
        let value = if key == "fields" { json!(by_name(value)) } else { value.clone() };
        (key.clone(), plain(&value))
    };
    said.map(plainly).collect()
}
