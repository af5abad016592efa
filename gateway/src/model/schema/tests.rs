//! Schemas as plugins have them, against the texts of Kong.

use serde_json::{Value, json};

use super::*;
use crate::model::{Violations, kind};

/// Kong's rate-limiting and key-auth, as schemars writes such types.
fn rate_limiting() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "minute": {"type": ["number", "null"], "exclusiveMinimum": 0},
            "hour": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]},
            "limit_by": {"$ref": "#/$defs/LimitBy", "default": "consumer"},
            "header_name": {"type": ["string", "null"]},
            "policy": {"enum": ["local", "cluster", "redis"], "type": "string", "default": "local"},
            "fault_tolerant": {"type": "boolean", "default": true},
            "redis": {"$ref": "#/$defs/Redis", "default": {"port": 6379}},
            "key_names": {"type": "array", "items": {"type": "string"}, "default": ["apikey"]},
            "statuses": {"type": "array", "uniqueItems": true, "items": {"type": "integer", "format": "uint16", "minimum": 0, "maximum": 65535}, "default": []},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}},
            "realm": {"type": ["string", "null"], "minLength": 3, "pattern": "^[a-z]+$"},
            "code": {"type": ["number", "null"], "default": 429.0, "exclusiveMinimum": 0, "x-err": "not a status"}
        },
        "$defs": {
            "LimitBy": {"oneOf": [{"const": "consumer", "type": "string"}, {"const": "ip", "type": "string"}, {"const": "header", "type": "string"}]},
            "Redis": {"type": "object", "properties": {
                "host": {"type": ["string", "null"]}, "port": {"type": "integer", "minimum": 0, "maximum": 65535, "default": 6379}}}
        },
        "x-checks": [
            {"at_least_one_of": ["config.minute", "config.hour"]},
            {"conditional": {"if_field": "policy", "if_match": {"eq": "redis"}, "then_field": "redis.host", "then_match": {"required": true}}}
        ]
    })
}

fn configure(config: Value) -> Result<Value, Violations> {
    let plugins = kind("plugins").unwrap().with(&plugin_rules(&rate_limiting(), true).unwrap());
    let sent = json!({"name": "rate-limiting", "config": config});
    plugins.create(sent.as_object().unwrap().clone(), 1).map(|made| made["config"].clone())
}

#[test]
fn config_gets_its_defaults() {
    assert_eq!(
        configure(json!({"minute": 5.0})).unwrap(),
        json!({
            "minute": 5, "hour": null, "limit_by": "consumer", "header_name": null, "policy": "local", "fault_tolerant": true,
            "redis": {"host": null, "port": 6379}, "key_names": ["apikey"], "statuses": [], "labels": {}, "realm": null, "code": 429
        })
    );
}

#[test]
fn config_errors_are_kongs() {
    for (case, config, want) in [
        ("type", json!({"minute": "5"}), json!({"config": {"minute": "expected a number"}})),
        ("unknown", json!({"minute": 5, "minutes": 5}), json!({"config": {"minutes": "unknown field"}})),
        ("above", json!({"minute": 0}), json!({"config": {"minute": "value must be greater than 0"}})),
        (
            "enum of constants",
            json!({"minute": 1, "limit_by": "x"}),
            json!({"config": {"limit_by": "expected one of: consumer, ip, header"}}),
        ),
        (
            "enum",
            json!({"minute": 1, "policy": "x"}),
            json!({"config": {"policy": "expected one of: local, cluster, redis"}}),
        ),
        (
            "null",
            json!({"minute": 1, "fault_tolerant": null}),
            json!({"config": {"fault_tolerant": "required field missing"}}),
        ),
        (
            "nested",
            json!({"minute": 1, "redis": {"port": 70000}}),
            json!({"config": {"redis": {"port": "value should be between 0 and 65535"}}}),
        ),
        (
            "element",
            json!({"minute": 1, "key_names": ["a", 1]}),
            json!({"config": {"key_names": [null, "expected a string"]}}),
        ),
        ("map", json!({"minute": 1, "labels": {"a": 1}}), json!({"config": {"labels": "expected a string"}})),
        (
            "length",
            json!({"minute": 1, "realm": "a"}),
            json!({"config": {"realm": "length must be at least 3"}}),
        ),
        ("pattern", json!({"minute": 1, "realm": "ABC"}), json!({"config": {"realm": "invalid value: ABC"}})),
        ("text of its own", json!({"minute": 1, "code": 0}), json!({"config": {"code": "not a status"}})),
        ("not a record", json!(7), json!({"config": "expected a record"})),
        (
            "check",
            json!({}),
            json!({"@entity": ["at least one of these fields must be non-empty: 'config.minute', 'config.hour'"]}),
        ),
        (
            "conditional",
            json!({"minute": 1, "policy": "redis"}),
            json!({"@entity": ["failed conditional validation given value of field 'config.policy'"],
                "config": {"redis": {"host": "required field missing"}}}),
        ),
    ] {
        let found = configure(config)
            .map_or_else(|found| Value::Object(found.fields), |made| json!({ "made": made }));
        assert_eq!(found, want, "{case}");
    }
}

#[test]
fn an_authenticator_has_no_consumer_scope() {
    let plugins = kind("plugins").unwrap().with(&plugin_rules(&rate_limiting(), true).unwrap());
    let sent = json!({"name": "key-auth", "config": {"minute": 1}, "consumer": {"id": "1d2b5cf9-3b1e-4c59-9a24-6f2f7f1f9c11"}});
    let found = plugins.create(sent.as_object().unwrap().clone(), 1).unwrap_err();
    assert_eq!(found.message(), "schema violation (consumer: value must be null)");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn refused_schemas_say_why() {
    let deep = (0..40)
        .fold(json!({"type": "string"}), |inner, _| json!({"type": "object", "properties": {"a": inner}}));
    let doubling: Value = (0..30)
        .map(|at: u32| {
            let next = format!("#/$defs/d{}", at + 1);
            (
                format!("d{at}"),
                json!({"type": "object", "properties": {"a": {"$ref": next}, "b": {"$ref": next}}}),
            )
        })
        .chain([("d30".to_owned(), json!({"type": "string"}))])
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (case, schema, want) in [
        ("too large", json!({"type": "object", "description": "x".repeat(70_000)}), "schema_too_large"),
        ("too deep", deep, "schema_too_deep"),
        (
            "remote",
            json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/x"}}}),
            "schema_remote_ref",
        ),
        (
            "loop",
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}}),
            "schema_ref_loop",
        ),
        ("recursive type", json!({"type": "object", "properties": {"a": {"$ref": "#"}}}), "schema_ref_loop"),
        (
            "dangling",
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}),
            "schema_dangling_ref",
        ),
        (
            "unfolds without end",
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": doubling}),
            "schema_too_large",
        ),
        ("not a schema", json!({"type": "objekt"}), "schema_invalid"),
        ("not an object", json!({"type": "string"}), "schema_not_an_object"),
        ("a list", json!([]), "schema_invalid"),
        (
            "bad default",
            json!({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}}),
            "schema_bad_default",
        ),
        (
            "backtracking pattern",
            json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "(a)\\1"}}}),
            "schema_bad_pattern",
        ),
        (
            "unknown check",
            json!({"type": "object", "properties": {}, "x-checks": [{"magic": []}]}),
            "schema_invalid",
        ),
    ] {
        assert_eq!(
            plugin_rules(&schema, false).map(|_| ()).map_err(|fault| fault.reason),
            Err(want),
            "{case}"
        );
    }
}

#[test]
fn what_rules_cannot_say_is_left_to_the_validator() {
    let schema = json!({"type": "object", "properties": {
        "target": {"oneOf": [{"type": "string"}, {"type": "object", "required": ["url"]}]},
        "step": {"type": "integer", "multipleOf": 5, "default": 5}
    }});
    let config = from_json_schema(&schema).unwrap();
    let mut sent = json!({"target": 7, "step": 3});
    let found = crate::model::validate::fields(
        config.record().unwrap(),
        sent.as_object_mut().unwrap(),
        crate::model::check::Writing::Insert,
        &[],
    );
    assert_eq!(found["step"], json!("3 is not a multiple of 5"));
    assert!(found["target"].as_str().unwrap().contains("oneOf"), "{}", found["target"]);
}

#[test]
fn a_schema_is_printed_in_kongs_form() {
    let described = plugin_rules(&rate_limiting(), false).unwrap().described();
    let fields = described["fields"].as_array().unwrap();
    let config = fields.iter().find_map(|field| field.get("config")).unwrap();
    let find =
        |name: &str| config["fields"].as_array().unwrap().iter().find_map(|field| field.get(name)).unwrap();
    for (name, want) in [
        ("minute", json!({"type": "number", "gt": 0})),
        ("fault_tolerant", json!({"type": "boolean", "required": true, "default": true})),
        (
            "policy",
            json!({"type": "string", "default": "local", "required": true, "one_of": ["local", "cluster", "redis"]}),
        ),
        ("code", json!({"type": "number", "gt": 0, "default": 429, "err": "not a status"})),
        (
            "redis",
            json!({"type": "record", "required": true, "fields": [
                {"host": {"type": "string"}}, {"port": {"type": "integer", "required": true, "default": 6379, "between": [0, 65535]}}]}),
        ),
    ] {
        assert_eq!(find(name), &want, "{name}");
    }
}

/// A schema whose `part` no rule of ours expresses, beside definitions.
fn beside(part: Value, definitions: Value) -> Value {
    json!({"type": "object", "properties": {"a": part}, "$defs": definitions})
}

#[test]
fn what_is_left_to_the_validator_has_an_end() {
    let twice =
        |at: u32| json!({"allOf": [{"$ref": format!("#/$defs/d{at}")}, {"$ref": format!("#/$defs/d{at}")}]});
    let doubling: serde_json::Map<_, _> =
        (0..28).map(|at| (format!("d{at}"), twice(at + 1))).chain([("d28".into(), json!({}))]).collect();
    let chain: serde_json::Map<_, _> = (0..2000)
        .map(|at| (format!("d{at}"), json!({"$ref": format!("#/$defs/d{}", at + 1)})))
        .chain([("d2000".into(), json!({"type": "string"}))])
        .collect();
    let to = |target: &str| json!({"not": {"$ref": target}});
    for (case, schema, want) in [
        ("loop", beside(to("#/$defs/x"), json!({"x": {"$ref": "#/$defs/x"}})), "schema_ref_loop"),
        (
            "loop of two",
            beside(
                to("#/$defs/x"),
                json!({"x": {"anyOf": [{"$ref": "#/$defs/y"}]}, "y": {"not": {"$ref": "#/$defs/x"}}}),
            ),
            "schema_ref_loop",
        ),
        (
            "loop to itself",
            beside(json!({"allOf": [{"$ref": "#"}, {"type": "string"}]}), json!({})),
            "schema_ref_loop",
        ),
        ("doubling", beside(twice(0), doubling.into()), "schema_too_large"),
        ("far", beside(to("#/$defs/d0"), chain.clone().into()), "schema_too_deep"),
        ("far, in a rule", beside(json!({"$ref": "#/$defs/d0"}), chain.into()), "schema_too_deep"),
        ("dangling", beside(to("#/$defs/none"), json!({})), "schema_dangling_ref"),
        (
            "another base",
            beside(
                json!({"not": {"$id": "x:y", "$ref": "#/$defs/z", "$defs": {"z": {"$ref": "#/$defs/z"}}}}),
                json!({"z": {}}),
            ),
            "schema_remote_ref",
        ),
        (
            "a place with a name",
            beside(to("#z"), json!({"z": {"$anchor": "z", "$ref": "#z"}})),
            "schema_remote_ref",
        ),
        (
            "whatever comes last",
            beside(
                json!({"not": {"$dynamicRef": "#z"}}),
                json!({"z": {"$dynamicAnchor": "z", "$dynamicRef": "#z"}}),
            ),
            "schema_remote_ref",
        ),
    ] {
        let begun = std::time::Instant::now();
        let read = plugin_rules(&schema, false);
        assert_eq!(read.map(|_| ()).map_err(|fault| fault.reason), Err(want), "{case}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{case}: {:?}", begun.elapsed());
    }
    let honest = beside(
        json!({"oneOf": [{"$ref": "#/$defs/name"}, {"type": "object", "properties": {"b": {"$ref": "#/$defs/name"}}}]}),
        json!({"name": {"type": "string", "pattern": "^[a-z]+$"}}),
    );
    assert!(plugin_rules(&honest, false).is_ok(), "a definition may be named twice");
}

#[test]
fn no_pattern_takes_long_whatever_it_is_asked_about() {
    let text = format!("{}!", "a".repeat(100_000));
    for pattern in ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        let own = json!({"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}});
        let left =
            json!({"type": "object", "properties": {"a": {"not": {"type": "string", "pattern": pattern}}}});
        for (case, schema) in [("a rule", own), ("for the validator", left)] {
            let config = from_json_schema(&schema).unwrap();
            let begun = std::time::Instant::now();
            let mut sent = json!({"a": text});
            let found = crate::model::validate::fields(
                config.record().unwrap(),
                sent.as_object_mut().unwrap(),
                crate::model::check::Writing::Insert,
                &[],
            );
            assert_eq!(found.contains_key("a"), case == "a rule", "{pattern}: {case}");
            assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{pattern}: {:?}", begun.elapsed());
        }
    }
    for pattern in ["(a{1000}){1000}", "a{100000}", "(?=a)b", "(a)\\1", "("] {
        for part in [json!({"type": "string", "pattern": pattern}), json!({"not": {"pattern": pattern}})] {
            let schema = json!({"type": "object", "properties": {"a": part}});
            assert!(from_json_schema(&schema).is_err(), "{pattern}");
        }
    }
}
