//! Builds plugins in JavaScript, TypeScript and Python with the real tools, and looks at what came out.

#![expect(clippy::expect_used, reason = "a test fails by a panic, in its helpers too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use weir_plugin_build::{BuildError, Language, Options, build};

mod interfaces;
use interfaces::{interfaces, set, workspace};

/// The component has the interfaces that its manifest names, and says what it was written in.
fn check(example: &str, imports: &[&str], exports: &[&str], language: &str) {
    let dir = workspace().join("example-plugins").join(example);
    let path = build(&dir, &Options::default()).expect("a component");
    let component = fs::read(&path).expect("the component");
    let (imported, exported) = interfaces(&component);
    assert_eq!(imported, set(imports), "{example}: no WASI, and no more of the contract");
    // The tools leave exports of their own, which the gateway does not call.
    let ours: BTreeSet<_> = exported.into_iter().filter(|name| name.starts_with("weir:")).collect();
    assert_eq!(ours, set(exports), "{example}");
    let mut mark = b"\x08language\x01".to_vec();
    mark.push(u8::try_from(language.len()).expect("a short name"));
    mark.extend(language.bytes());
    assert!(
        component.windows(mark.len()).any(|window| window == mark),
        "{example}: for limits by class of guest"
    );
}

#[test]
fn javascript_has_a_world_of_its_own() {
    let imports = ["types", "exchange", "logging", "clock", "local-counters"];
    let exports = ["meta", "lifecycle", "request-head", "config-migration"];
    check("javascript/fixed-limit", &imports, &exports, "JavaScript");
}

#[test]
fn a_migration_that_the_manifest_does_not_name_is_not_left_out_in_silence() {
    let dir = tempfile::tempdir().expect("a folder");
    let example = workspace().join("example-plugins/javascript/fixed-limit");
    fs::create_dir(dir.path().join("src")).expect("a folder");
    for file in ["package.json", "schema.json", "src/index.js"] {
        fs::copy(example.join(file), dir.path().join(file)).expect(file);
    }
    build(dir.path(), &Options::default()).expect("a component");
    let manifest = fs::read_to_string(example.join("package.json")).expect("the manifest");
    let without = manifest.replace("\"migrates\": true,", "");
    assert_ne!(manifest, without);
    fs::write(dir.path().join("package.json"), without).expect("the manifest");
    let error = build(dir.path(), &Options::default()).expect_err("the manifest and the plugin disagree");
    assert!(matches!(error, BuildError::Compile { program: "componentize-qjs", .. }), "{error}");
}

#[test]
fn typescript_is_checked_and_built() {
    let imports = ["types", "exchange", "logging", "clock", "credentials"];
    check("javascript/token-auth", &imports, &["meta", "lifecycle", "request-head"], "TypeScript");
    let dir = tempfile::tempdir().expect("a folder");
    let example = workspace().join("example-plugins/javascript/token-auth");
    for file in ["package.json", "schema.json", "tsconfig.json"] {
        fs::copy(example.join(file), dir.path().join(file)).expect(file);
    }
    fs::create_dir(dir.path().join("src")).expect("a folder");
    let source = fs::read_to_string(example.join("src/index.ts")).expect("the source");
    let wrong = source.replace("consumer: consumer.id", "consumer: consumer.key");
    assert_ne!(source, wrong);
    fs::write(dir.path().join("src/index.ts"), wrong).expect("the source");
    let error = build(dir.path(), &Options::default()).expect_err("a type that is wrong");
    assert!(matches!(error, BuildError::Compile { program: "checking types", .. }), "{error}");
}

#[test]
fn python_has_a_world_of_its_own() {
    let imports = ["types", "exchange", "logging", "clock"];
    let exports = ["meta", "lifecycle", "repeatable", "request-head", "response-head"];
    check("python/head-edit", &imports, &exports, "Python");
}

#[test]
fn a_manifest_that_is_wrong_is_named() {
    for (file, text, language, want) in [
        ("package.json", r#"{"name":"a","version":"1"}"#, Language::JavaScript, "missing field `weir`"),
        (
            "package.json",
            r#"{"name":"a","version":"1","weir":{"phases":["log"]}}"#,
            Language::JavaScript,
            "there is no src/index.ts",
        ),
        (
            "pyproject.toml",
            "[project]\nname = \"a\"\nversion = \"1\"\n",
            Language::Python,
            "missing field `weir`",
        ),
        (
            "pyproject.toml",
            "[project]\nname = \"a\"\nversion = \"1\"\n[tool.weir]\nphases = [\"log\"]\n",
            Language::Python,
            "tool.weir.entry names the file",
        ),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join(file), text).expect("the manifest");
        assert_eq!(Language::of(dir.path()), language);
        refused(dir.path(), file, want);
    }
}

fn refused(dir: &Path, file: &str, want: &str) {
    let error = build(dir, &Options::default()).expect_err("a manifest that is wrong").to_string();
    assert!(error.contains(file) && error.contains(want), "{error}");
}
