//! Files with faults: all of them come back, each with its place.

use serde_json::{Value, json};

use super::{Stored, good, read_alone, read_on};

/// `line: path: message` of each fault.
fn faults(text: &str) -> Vec<String> {
    let faults = read_alone(text).map(|records| records.len()).expect_err(text);
    faults.list.iter().map(ToString::to_string).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of faults")]
fn each_fault_has_a_line_and_a_path() {
    let taken = "uniqueness violation: 'services' entity with name set to 's' already declared";
    let cases: &[(&str, &str, &[&str])] = &[
        ("no version", "services: []\n", &["_format_version: required field missing"]),
        (
            "an old version",
            "_format_version: '1.0'\n",
            &["line 1: _format_version: expected one of: 1.1, 2.1, 3.0"],
        ),
        ("a number", "_format_version: 3.0\n", &["line 1: _format_version: expected a string"]),
        ("unknown kind", "_format_version: '3.0'\nservice: []\n", &["line 2: service: unknown field"]),
        ("no list", "_format_version: '3.0'\nservices: {}\n", &["line 2: services: expected an array"]),
        (
            "no record",
            "_format_version: '3.0'\nservices:\n- 1\n",
            &["line 3: services[0]: expected a record"],
        ),
        (
            "a field",
            "_format_version: '3.0'\nservices:\n- name: s\n  host: h\n  port: x\n  hots: y\n",
            &["line 5: services[0].port: expected an integer", "line 6: services[0].hots: unknown field"],
        ),
        (
            "below a parent that is wrong itself",
            "_format_version: '3.0'\nservices:\n- name: s\n  routes:\n  - name: r\n    paths: [a]\n",
            &[
                "line 3: services[0].host: required field missing",
                "line 6: services[0].routes[0].paths[0]: should start with: / (fixed path) or ~/ (regex path)",
            ],
        ),
        (
            "of a whole entity",
            "_format_version: '3.0'\nconsumers:\n- tags: [a]\n",
            &[
                "line 3: consumers[0]: at least one of these fields must be non-empty: 'custom_id', 'username'",
            ],
        ),
        (
            "no such service",
            "_format_version: '3.0'\nroutes:\n- service: x\n  paths: [/a]\n",
            &["line 3: routes[0].service: invalid reference 'service: x' (no such entity in 'services')"],
        ),
        (
            "twice",
            "_format_version: '3.0'\nservices:\n- {name: s, host: a}\n- {name: s, host: b}\n",
            &[&format!("line 4: services[1]: {taken}")],
        ),
        (
            "no such plugin",
            "_format_version: '3.0'\nplugins:\n- name: nope\n",
            &[
                "line 3: plugins[0].name: plugin 'nope' not enabled; add it to the 'plugins' configuration property",
            ],
        ),
        (
            "a plugin's own rules",
            "_format_version: '3.0'\nplugins:\n- name: rate-limiting\n  config:\n    minute: -1\n",
            &["line 5: plugins[0].config.minute: value must be greater than 0"],
        ),
        (
            "protocols",
            "_format_version: '3.0'\nroutes:\n- name: r\n  paths: [/]\n  protocols: [http]\n  plugins:\n  - name: key-auth\n    protocols: [grpc]\n",
            &["line 8: routes[0].plugins[0].protocols: must match the associated route's protocols"],
        ),
        (
            "JSON",
            "{\"_format_version\": \"3.0\",\n\"services\": [{\"name\": 1, \"host\": \"h\"}]}",
            &["line 2: services[0].name: expected a string"],
        ),
    ];
    for (case, text, want) in cases {
        assert_eq!(faults(text), *want, "{case}");
    }
}

#[test]
fn kongs_tables_are_there() {
    let text = "_format_version: '3.0'\nservices:\n- {name: a, host: a}\n- name: b\n  host: b\n  tags: [t]\n  port: x\n  \
                routes:\n  - {name: r, paths: [/], id: 1}\n- {name: a, host: c}\n";
    let faults = read_alone(text).expect_err("it is broken");
    let body = faults.body(false);
    assert_eq!((&body["code"], &body["name"]), (&json!(14), &json!("invalid declarative configuration")));
    let twice = "uniqueness violation: 'services' entity with name set to 'a' already declared";
    assert_eq!(
        body["fields"],
        json!({ "services": [
            null,
            { "port": "expected an integer", "routes": [{ "id": "expected a string" }] },
            twice,
        ] })
    );
    assert!(body.get("flattened_errors").is_none());
    let flat = faults.body(true);
    assert_eq!(flat["fields"], json!({}));
    let told = flat["flattened_errors"].as_array().unwrap();
    assert_eq!(told.len(), 3);
    let of = |kind: &str, name: &str| {
        let named = |found: &&Value| found["entity_type"] == kind && found["entity_name"] == name;
        told.iter().find(named).unwrap_or_else(|| panic!("{kind} {name}: {flat}"))
    };
    let service = of("service", "b");
    assert_eq!(service["entity_tags"], json!(["t"]));
    assert_eq!(
        service["errors"],
        json!([{ "type": "field", "field": "port", "message": "expected an integer" }])
    );
    assert!(service["entity"].get("routes").is_none(), "without its children: {service}");
    assert!(of("route", "r").get("entity_id").is_none(), "an id that is wrong is not told");
    assert_eq!(of("service", "a")["errors"], json!([{ "type": "entity", "message": twice }]));
}

#[test]
fn a_text_that_cannot_be_read_is_one_fault() {
    for (case, text) in [("a list", "[1]"), ("a word", "x"), ("nothing", "")] {
        let faults = read_alone(text).expect_err(case);
        let want = "failed parsing declarative configuration: expected an object";
        assert_eq!(faults.body(false)["fields"], json!({ "error": want }), "{case}");
    }
}

#[test]
fn one_fault_among_ten_thousand_is_found() {
    let mut text = "_format_version: '3.0'\nservices:\n".to_owned();
    for at in 0..10_000 {
        let host = if at == 7_777 { "a b" } else { "h" };
        text.push_str(&format!("- {{name: s{at}, host: {host}}}\n"));
    }
    assert_eq!(faults(&text), ["line 7780: services[7777].host: invalid value: a b"]);
}

#[test]
fn on_top_of_a_database_no_key_may_be_taken() {
    let id = "11111111-1111-4111-8111-111111111111";
    let stored = super::documents(&good("_format_version: '3.0'\nservices:\n- {name: s, host: h}\n"));
    let stored = Stored::new(stored);
    let text = format!("_format_version: '3.0'\nservices:\n- {{id: {id}, name: s, host: h}}\n");
    let faults = read_on(&text, &stored, true, super::NOW).expect_err("the name is taken");
    let want =
        "line 3: services[0]: uniqueness violation: 'services' entity with name set to 's' already exists";
    assert_eq!(faults.to_string(), want);
}
