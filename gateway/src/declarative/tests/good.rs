//! Files that are right.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{documents, good, one, read_on};
use crate::declarative::{Stored, print};

const ALL: &str = include_str!("../../../../tests/data/declarative/all.yaml");

fn v5(kind: &str, key: &str) -> Uuid {
    let root: Uuid = "fd02801f-0957-4a15-a55a-c8d9606f30b5".parse().unwrap();
    Uuid::new_v5(&Uuid::new_v5(&root, kind.as_bytes()), key.as_bytes())
}

#[test]
fn every_kind_has_its_place_in_a_file() {
    let records = good(ALL);
    let mut kinds: Vec<&str> = records.iter().map(|record| record.kind).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "certificates",
            "snis",
            "ca_certificates",
            "vaults",
            "key_sets",
            "keys",
            "upstreams",
            "targets",
            "services",
            "routes",
            "consumers",
            "consumer_groups",
            "consumer_group_consumers",
            "plugins",
            "acls",
            "basicauth_credentials",
            "hmacauth_credentials",
            "jwt_secrets",
            "keyauth_credentials",
            "oauth2_credentials",
        ]
    );
}

#[test]
fn ids_are_kongs() {
    let records = good(
        "_format_version: '3.0'\nservices:\n- name: s\n  host: h\n  plugins:\n  - name: key-auth\n\
         upstreams:\n- name: u\n  targets:\n  - target: 10.0.0.1:80\n\
         consumers:\n- username: bob\n  acls:\n  - group: g\n  keyauth_credentials:\n  - key: k\n",
    );
    let service = v5("services", "s");
    for (kind, want) in [
        ("services", service),
        ("plugins", v5("plugins", &format!("key-auth::{service}:"))),
        ("upstreams", v5("upstreams", "u")),
        ("targets", v5("targets", &format!("10.0.0.1:80:{}", v5("upstreams", "u")))),
        ("consumers", v5("consumers", "bob")),
        ("acls", v5("acls", &format!("{}:g", v5("consumers", "bob")))),
        ("keyauth_credentials", v5("keyauth_credentials", "k")),
    ] {
        assert_eq!(one(&records, kind).id, want, "{kind}");
    }
}

#[test]
fn entities_without_a_key_have_lasting_ids_too() {
    let file = |paths: &str| format!("_format_version: '3.0'\nroutes:\n{paths}");
    let ids = |text: &str| {
        let mut ids: Vec<Uuid> = good(text).iter().map(|record| record.id).collect();
        ids.sort_unstable();
        ids
    };
    let one = ids(&file("- paths: [/a]\n- paths: [/b]\n- paths: [/b]\n"));
    let other = ids(&file("- paths: [/b]\n- paths: [/b]\n- paths: [/a]\n"));
    assert_eq!(one, other, "the order does not matter");
    assert_eq!(one.len(), 3);
}

#[test]
fn references_are_names_or_ids() {
    let id = "11111111-1111-4111-8111-111111111111";
    for (case, reference) in [
        ("name", "s".to_owned()),
        ("id", id.to_owned()),
        ("record of the id", format!("{{id: {id}}}")),
        ("record of the name", "{name: s}".to_owned()),
    ] {
        let text = format!(
            "_format_version: '3.0'\nroutes:\n- name: r\n  service: {reference}\n  paths: [/a]\n\
             services:\n- name: s\n  id: {id}\n  host: h\n"
        );
        assert_eq!(one(&good(&text), "routes").document["service"], json!({ "id": id }), "{case}");
    }
}

#[test]
fn old_files_have_old_paths() {
    for (version, want) in [("1.1", "~/a/\\d+"), ("2.1", "~/a/\\d+"), ("3.0", "~/a/\\d+")] {
        let path = if version == "3.0" { "~/a/\\d+" } else { "/a/\\d+" };
        let text = format!("_format_version: '{version}'\nroutes:\n- paths: ['{path}', /plain, '~/b/.*']\n");
        assert_eq!(
            one(&good(&text), "routes").document["paths"],
            json!([want, "/plain", "~/b/.*"]),
            "{version}"
        );
    }
}

#[test]
fn passwords_are_hashed_unless_they_are_hashes() {
    let text = |transform| {
        format!(
            "_format_version: '3.0'\n_transform: {transform}\nconsumers:\n- username: c\n  \
             basicauth_credentials:\n  - username: u\n    password: p\n"
        )
    };
    let password =
        |text: &str| one(&good(text), "basicauth_credentials").document["password"].as_str().unwrap().len();
    assert_eq!(password(&text(true)), 40);
    assert_eq!(password(&text(false)), 1);
}

#[test]
fn what_is_exported_comes_back_as_it_was() {
    let first = good(ALL);
    let text = print(&documents(&first), super::NOW).unwrap();
    let second = read_on(&text, &Stored::default(), false, super::NOW + 1000).unwrap();
    let again = print(&documents(&second), super::NOW + 1000).unwrap();
    assert_eq!(text, again);
    assert!(text.starts_with("_format_version: \"3.0\"\n_transform: false\n"), "{text}");
    assert!(!text.contains("updated_at"));
}

#[test]
fn texts_that_look_like_something_else_stay_texts() {
    let odd = [
        "no",
        "0x10",
        "1e3",
        "~",
        "null",
        "2020-01-01",
        "a: b",
        "# c",
        " x ",
        "a\nb",
        "'",
        "\"",
        "é",
        "1_0",
        "- a",
        "*a",
        "&a",
        "!t",
        "%d",
        "@a",
        "`a",
    ];
    let tags: Vec<Value> = odd.iter().map(|text| json!(text)).collect();
    let file = json!({ "_format_version": "3.0", "vaults": [{ "name": "env", "prefix": "my-v", "description": "" }] });
    for tag in tags {
        let mut file = file.clone();
        file["vaults"][0]["description"] = tag.clone();
        let records = good(&file.to_string());
        let text = print(&documents(&records), super::NOW).unwrap();
        assert_eq!(one(&good(&text), "vaults").document["description"], tag, "{text}");
    }
}
