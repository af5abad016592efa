use serde_json::{Value, json};
use weir_plugin_sdk::testing::Tester;
use weir_plugin_sdk::{Plugin, Setup};

use super::{Config, Prometheus};

const FIELDS: [&str; 6] = [
    "per_consumer",
    "status_code_metrics",
    "ai_metrics",
    "latency_metrics",
    "bandwidth_metrics",
    "upstream_health_metrics",
];

#[test]
fn no_configuration_costs_a_call() {
    for value in [json!(true), json!(false), Value::Null] {
        let fields = FIELDS.iter().map(|field| ((*field).to_owned(), value.clone())).collect();
        let config: Config = serde_json::from_value(Value::Object(fields)).unwrap();
        let (_, setup) = Prometheus::configure(config).unwrap();
        assert_eq!(format!("{setup:?}"), format!("{:?}", Setup::new()), "{value}");
    }
}

#[test]
fn consumers_are_asked_for_by_the_field() {
    let about = format!("{:?}", Prometheus::about());
    assert!(about.contains(r#"\"consumers\":\"$(config.per_consumer)\""#), "{about}");
    assert!(about.contains("default-priority: 13"), "{about}");
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<Config>();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.len(), FIELDS.len());
    for field in FIELDS {
        assert_eq!(properties[field]["default"], json!(false), "{field}");
        assert_eq!(properties[field]["type"], json!(["boolean", "null"]), "{field}");
        assert!(Tester::<Prometheus>::new(&json!({ field: "yes" })).is_err(), "{field} is a switch");
    }
    assert_eq!(schema["required"], Value::Null);
    assert_eq!(schema["x-protocols"].as_array().map(Vec::len), Some(8), "streams too");
}
