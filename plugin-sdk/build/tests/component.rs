//! Real builds: the smallest example in this workspace, and a crate that stands alone.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use std::fs;

use weir_plugin_build::{BuildError, Options, build};

mod interfaces;
use interfaces::{interfaces, set, workspace};

/// Shared by all builds here, and apart from everything else.
fn options() -> Options {
    Options { target_dir: Some(workspace().join("target").join("wasm")) }
}

#[test]
fn the_smallest_example_exports_just_its_phase() {
    let dir = workspace().join("example-plugins/rust/header-edit");
    let path = build(&dir, &options()).expect("a component");
    assert_eq!(path, workspace().join("target/wasm/header-edit.wasm"));
    let (imports, exports) = interfaces(&fs::read(&path).expect("the component"));
    assert_eq!(exports, set(&["meta", "lifecycle", "request-head"]));
    assert_eq!(imports, set(&["types", "logging"]), "what a plugin does not call is not imported");
}

#[test]
fn a_component_has_its_schema_and_not_the_code_that_makes_it() {
    let dir = workspace().join("example-plugins/rust/header-edit");
    let component = fs::read(build(&dir, &options()).expect("a component")).expect("the component");
    let has = |text: &str| component.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has(r#""description":"The name of the header.""#), "the schema");
    // Names of functions are kept, so this one would stand there.
    assert!(!has("schemars"), "the code");
}

#[test]
fn a_crate_outside_the_workspace_needs_nothing_but_its_crate_type() {
    let dir = tempfile::tempdir().expect("a folder");
    let sdk = workspace().join("plugin-sdk");
    let manifest = format!(
        "[package]\nname = \"alone\"\nversion = \"0.2.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nserde = {{ version = \"1\", features = [\"derive\"] }}\nweir-plugin-sdk = {{ path = {sdk:?} }}\n"
    );
    fs::create_dir(dir.path().join("src")).expect("src");
    fs::write(dir.path().join("Cargo.toml"), manifest).expect("Cargo.toml");
    fs::copy(workspace().join("Cargo.lock"), dir.path().join("Cargo.lock")).expect("Cargo.lock");
    let source =
        fs::read_to_string(workspace().join("example-plugins/rust/header-edit/src/lib.rs")).expect("source");
    let source = source
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .replace("CARGO_PKG_DESCRIPTION", "CARGO_PKG_NAME");
    fs::write(dir.path().join("src/lib.rs"), source).expect("lib.rs");
    let path = build(dir.path(), &options()).expect("a component");
    let (_, exports) = interfaces(&fs::read(path).expect("the component"));
    assert_eq!(exports, set(&["meta", "lifecycle", "request-head"]));
}

#[test]
fn says_what_is_missing() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(matches!(build(dir.path(), &options()), Err(BuildError::NoCrate { .. })), "an empty folder");
    fs::create_dir(dir.path().join("src")).expect("src");
    fs::write(dir.path().join("src/lib.rs"), "").expect("lib.rs");
    let manifest = "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fs::write(dir.path().join("Cargo.toml"), manifest).expect("Cargo.toml");
    let error = build(dir.path(), &options()).expect_err("no cdylib").to_string();
    assert!(error.contains("crate-type = [\"cdylib\"]"), "{error}");
}

#[test]
fn a_module_that_is_no_plugin_is_refused() {
    let error = weir_plugin_build::encode(b"not wasm").expect_err("no module");
    assert!(!error.is_empty());
}
