//! The kinds against the texts and defaults of Kong.

use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_700_000_000;
const ID: &str = "1d2b5cf9-3b1e-4c59-9a24-6f2f7f1f9c11";

fn document(value: Value) -> Document {
    value.as_object().expect("an object").clone()
}

fn create(kind_name: &str, sent: Value) -> Result<Document, Violations> {
    kind(kind_name).expect("a kind").create(document(sent), NOW)
}

fn errors(kind_name: &str, sent: Value) -> Value {
    create(kind_name, sent).map_or_else(|found| Value::Object(found.fields), |made| json!({ "made": made }))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn create_says_what_kong_says() {
    for (case, kind, sent, want) in [
        ("nothing", "services", json!({}), json!({"host": "required field missing"})),
        ("unknown", "services", json!({"host": "a", "hots": 1}), json!({"hots": "unknown field"})),
        ("type", "services", json!({"host": 1}), json!({"host": "expected a string"})),
        (
            "all of them",
            "services",
            json!({"path": "x", "port": 1.5}),
            json!({"host": "required field missing", "path": "should start with: /", "port": "expected an integer"}),
        ),
        (
            "range",
            "services",
            json!({"host": "a", "port": 70000}),
            json!({"port": "value should be between 0 and 65535"}),
        ),
        (
            "zero timeout",
            "services",
            json!({"host": "a", "read_timeout": 0}),
            json!({"read_timeout": "value should be between 1 and 2147483646"}),
        ),
        ("empty string", "services", json!({"host": ""}), json!({"host": "length must be at least 1"})),
        (
            "null of a required field",
            "services",
            json!({"host": "a", "enabled": null}),
            json!({"enabled": "required field missing"}),
        ),
        (
            "enum",
            "services",
            json!({"host": "a", "protocol": "ftp"}),
            json!({"protocol": "expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"}),
        ),
        (
            "path of tcp",
            "services",
            json!({"host": "a", "protocol": "tcp", "path": "/"}),
            json!({"@entity": ["failed conditional validation given value of field 'protocol'"], "path": "value must be null"}),
        ),
        (
            "tls_verify of http",
            "services",
            json!({"host": "a", "tls_verify": true}),
            json!({"@entity": ["failed conditional validation given value of field 'protocol'"], "tls_verify": "value must be null"}),
        ),
        (
            "name",
            "services",
            json!({"host": "a", "name": "a b"}),
            json!({"name": "invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~"}),
        ),
        ("url of the wrong type", "services", json!({"url": 1}), json!({"url": "expected a string"})),
        (
            "url without a host",
            "services",
            json!({"url": "http:///x"}),
            json!({"host": "required field missing"}),
        ),
        (
            "tag",
            "services",
            json!({"host": "a", "tags": ["ok", "a,b"]}),
            json!({"tags": [null, "invalid tag 'a,b': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"]}),
        ),
        ("uuid", "services", json!({"host": "a", "id": "x"}), json!({"id": "expected a valid UUID"})),
        (
            "route without a condition",
            "routes",
            json!({}),
            json!({"@entity": ["must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"]}),
        ),
        (
            "http route",
            "routes",
            json!({"protocols": ["http"]}),
            json!({"@entity": ["must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"]}),
        ),
        (
            "tls_passthrough",
            "routes",
            json!({"protocols": ["tls_passthrough"]}),
            json!({"@entity": ["must set snis when 'protocols' is 'tls_passthrough'"]}),
        ),
        (
            "tcp with a path",
            "routes",
            json!({"protocols": ["tcp"], "paths": ["/"], "sources": [{"port": 1}]}),
            json!({"paths": "cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'"}),
        ),
        (
            "grpc strips nothing",
            "routes",
            json!({"protocols": ["grpc"], "paths": ["/"], "strip_path": true}),
            json!({"strip_path": "cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'"}),
        ),
        (
            "mixed protocols",
            "routes",
            json!({"protocols": ["http", "tcp"], "paths": ["/"]}),
            json!({"protocols": "these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp'), ('tls_passthrough'), ('grpc', 'grpcs')"}),
        ),
        (
            "no protocols",
            "routes",
            json!({"protocols": [], "paths": ["/"]}),
            json!({"protocols": "length must be at least 1"}),
        ),
        ("method", "routes", json!({"methods": ["get"]}), json!({"methods": ["invalid value: get"]})),
        (
            "path",
            "routes",
            json!({"paths": ["x"]}),
            json!({"paths": ["should start with: / (fixed path) or ~/ (regex path)"]}),
        ),
        (
            "two slashes",
            "routes",
            json!({"paths": ["/ok", "/a//b"]}),
            json!({"paths": [null, "must not have empty segments"]}),
        ),
        (
            "wildcards",
            "routes",
            json!({"hosts": ["*.*"]}),
            json!({"hosts": ["invalid wildcard: must have at most one wildcard"]}),
        ),
        (
            "wildcard inside",
            "routes",
            json!({"hosts": ["a.*.b"]}),
            json!({"hosts": ["invalid wildcard: must be placed at leftmost or rightmost label"]}),
        ),
        (
            "host header",
            "routes",
            json!({"headers": {"HOST": ["a"]}}),
            json!({"headers": "cannot contain 'host' header, which must be specified in the 'hosts' attribute"}),
        ),
        (
            "snis of http",
            "routes",
            json!({"protocols": ["http"], "paths": ["/"], "snis": ["a.b"]}),
            json!({"@entity": ["'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"],
                "snis": "length must be 0"}),
        ),
        (
            "reference",
            "routes",
            json!({"paths": ["/"], "service": {"id": "x"}}),
            json!({"service": {"id": "expected a valid UUID"}}),
        ),
        (
            "reference without id",
            "routes",
            json!({"paths": ["/"], "service": {}}),
            json!({"service": {"id": "missing primary key"}}),
        ),
        (
            "nameless consumer",
            "consumers",
            json!({"username": "", "custom_id": null}),
            json!({"username": "length must be at least 1"}),
        ),
        (
            "consumer of nothing",
            "consumers",
            json!({}),
            json!({"@entity": ["at least one of these fields must be non-empty: 'custom_id', 'username'"]}),
        ),
        ("key of nobody", "keyauth_credentials", json!({}), json!({"consumer": "required field missing"})),
        (
            "ttl",
            "keyauth_credentials",
            json!({"consumer": {"id": ID}, "ttl": -1}),
            json!({"ttl": "must be an integer between 0 and 100000000"}),
        ),
        ("plugin without a name", "plugins", json!({}), json!({"name": "required field missing"})),
        (
            "Enterprise field",
            "plugins",
            json!({"name": "x", "ordering": {}}),
            json!({"ordering": "unknown field"}),
        ),
    ] {
        assert_eq!(errors(kind, sent), want, "{case}");
    }
}

#[test]
fn create_fills_in_what_kong_fills_in() {
    let service =
        create("services", json!({"url": "https://example.com/a?b", "host": "lost", "tags": ["a", "a"]}))
            .unwrap();
    for (field, want) in [
        ("protocol", json!("https")),
        ("host", json!("example.com")),
        ("port", json!(443)),
        ("path", json!("/a")),
        ("retries", json!(5)),
        ("name", Value::Null),
        ("tags", json!(["a"])),
        ("created_at", json!(NOW)),
        ("updated_at", json!(NOW)),
        ("enabled", json!(true)),
        ("client_certificate", Value::Null),
    ] {
        assert_eq!(service.get(field), Some(&want), "{field}");
    }
    assert!(id_of(&service).is_some(), "an id is made");
    assert!(!service.contains_key("url"), "the shorthand is not kept");

    let key =
        create("keyauth_credentials", json!({"consumer": {"id": ID.to_uppercase(), "x": 1}, "ttl": 60}))
            .unwrap();
    let text = key.get("key").and_then(Value::as_str).unwrap();
    assert!(text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
    assert_eq!(key.get("consumer"), Some(&json!({"id": ID})));
    let record = kind("keyauth_credentials").unwrap().record(key.clone()).unwrap();
    assert_eq!(record.expires_at, Some(NOW + 60));
    assert_eq!(record.links.len(), 1);
    let shown = kind("keyauth_credentials").unwrap().shown(key, NOW + 10);
    assert_eq!((shown.get("ttl"), shown.get(EXPIRES_AT)), (Some(&json!(49)), None));

    let grpc = create("routes", json!({"protocols": ["grpc"], "paths": ["/"]})).unwrap();
    assert_eq!(grpc.get("strip_path"), Some(&json!(false)), "grpc routes do not strip by default");
    let whole = create("services", json!({"host": "a", "port": 8080.0})).unwrap();
    assert_eq!(whole.get("port").unwrap().to_string(), "8080", "1.0 is an integer");
}

#[test]
fn update_lays_records_over_and_replaces_lists() {
    let services = kind("services").unwrap();
    let stored = create("services", json!({"host": "a", "tags": ["x", "y"], "retries": 3})).unwrap();
    let changed =
        services.update(&stored, document(json!({"tags": ["z"], "retries": null})), NOW + 5).unwrap();
    assert_eq!(changed.get("tags"), Some(&json!(["z"])));
    assert_eq!(changed.get("retries"), Some(&Value::Null));
    assert_eq!(changed.get("host"), Some(&json!("a")));
    assert_eq!(
        (changed.get("created_at"), changed.get("updated_at")),
        (Some(&json!(NOW)), Some(&json!(NOW + 5)))
    );

    let consumer = create("consumers", json!({"username": "a"})).unwrap();
    let found =
        kind("consumers").unwrap().update(&consumer, document(json!({"username": null})), NOW).unwrap_err();
    assert_eq!(
        found.message(),
        "schema violation (when updating, at least one of these fields must be non-empty: 'custom_id', 'username')"
    );
}

#[test]
fn plugins_are_unique_by_name_and_scope() {
    let made = create("plugins", json!({"name": "key-auth", "service": {"id": ID}})).unwrap();
    let record = kind("plugins").unwrap().record(made).unwrap();
    assert_eq!(
        record.keys,
        vec![UniqueKey { field: "name,route,service,consumer", value: format!("key-auth,,{ID},") }]
    );
}

#[test]
fn a_bad_row_is_a_fault_and_the_rest_goes_on() {
    let good = create("services", json!({"host": "a"})).unwrap();
    let mut bad = good.clone();
    bad.insert("port".to_owned(), json!("x"));
    let rows = [("services".to_owned(), vec![good, bad])].into();
    let (catalog, faults) = Catalog::from_documents(&rows);
    assert_eq!((catalog.services.len(), faults.len()), (1, 1));
    assert!(faults[0].message.contains("u16"), "{}", faults[0].message);
}

#[test]
fn every_kind_is_readable_as_its_type_after_create() {
    let rows = [
        ("services".to_owned(), vec![create("services", json!({"host": "a"})).unwrap()]),
        (
            "routes".to_owned(),
            vec![create("routes", json!({"paths": ["/"], "service": {"id": ID}})).unwrap()],
        ),
        ("plugins".to_owned(), vec![create("plugins", json!({"name": "x"})).unwrap()]),
    ]
    .into();
    let (catalog, faults) = Catalog::from_documents(&rows);
    assert_eq!(faults, []);
    assert_eq!(catalog.routes[0].service.map(|id| id.to_string()).as_deref(), Some(ID));
}

/// A field that may be null must not cost the row.
#[test]
fn nulls_leave_every_row_readable() {
    for (kind_name, sent) in [
        ("services", json!({"host": "a"})),
        ("routes", json!({"paths": ["/"]})),
        ("plugins", json!({"name": "x"})),
    ] {
        let kind = kind(kind_name).unwrap();
        let stored = create(kind_name, sent).unwrap();
        for (field, rule) in &kind.fields().list {
            let sent = document(json!({ field.as_ref(): null }));
            let Ok(changed) = kind.update(&stored, sent, NOW) else {
                continue;
            };
            assert!(!rule.required, "{kind_name}.{field}");
            let rows = [(kind_name.to_owned(), vec![changed])].into();
            // The gateway makes ids itself, so a null one is never stored.
            if field != "id" {
                assert_eq!(Catalog::from_documents(&rows).1, [], "{kind_name}.{field}");
            }
        }
    }
}

proptest::proptest! {
    /// Whatever a client sends, each kind answers with an entity or with violations.
    #[test]
    fn any_body_is_answered(text in "\\PC{0,12}", number in proptest::num::f64::ANY, field in 0_usize..30) {
        for kind in kinds() {
            let name = kind.fields().list.get(field % kind.fields().list.len()).map(|(name, _)| name.to_string()).unwrap();
            for value in [json!(text), json!(number), json!([text, null, {text.as_str(): number}]), json!({text.as_str(): [number]}), json!(true)] {
                let sent = document(json!({ name.as_str(): value, "host": text, "protocols": [text], "paths": [text] }));
                if let Err(found) = kind.create(sent.clone(), NOW) {
                    proptest::prop_assert!(!found.message().is_empty());
                }
                _ = kind.update(&sent, document(json!({ name.as_str(): null })), NOW);
            }
        }
    }
}
