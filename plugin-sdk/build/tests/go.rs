//! Builds Go plugins with the stock toolchain, and looks at what came out.

#![expect(clippy::expect_used, reason = "a test fails by a panic, in its helpers too")]

use std::fs;
use std::path::Path;

use weir_plugin_build::{BuildError, Language, Options, build};

mod interfaces;
use interfaces::{interfaces, set, workspace};

#[test]
fn a_component_imports_and_exports_just_what_the_plugin_uses() {
    let dir = workspace().join("example-plugins/go/head-edit");
    assert_eq!(Language::of(&dir), Language::Go);
    let path = build(&dir, &Options::default()).expect("a component");
    assert_eq!(path, dir.join("build/head-edit.wasm"));
    let component = fs::read(&path).expect("the component");
    let (imports, exports) = interfaces(&component);
    assert_eq!(exports, set(&["meta", "lifecycle", "repeatable", "request-head", "response-head"]));
    assert_eq!(
        imports,
        set(&["types", "logging", "clock", "random"]),
        "no WASI, and no more of the contract"
    );
    let names_its_language = component.windows(11).any(|window| window == b"\x08language\x01\x02");
    assert!(names_its_language, "for limits by class of guest");
}

#[test]
fn a_project_apart_is_given_the_sdk() {
    let dir = tempfile::tempdir().expect("a folder");
    let example = workspace().join("example-plugins/go/fixed-limit");
    for file in ["main.go", "schema.json"] {
        fs::copy(example.join(file), dir.path().join(file)).expect(file);
    }
    manifest(dir.path());
    let path = build(dir.path(), &Options::default()).expect("a component");
    let (_, exports) = interfaces(&fs::read(path).expect("the component"));
    assert_eq!(exports, set(&["meta", "lifecycle", "request-head", "config-migration"]));
}

#[test]
fn the_template_builds_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let template = workspace().join("plugin-sdk/templates/go");
    for file in ["go.mod", "kinds/transform/main.go", "kinds/transform/schema.json"] {
        let text = fs::read_to_string(template.join(file)).expect(file).replace("{{name}}", "my-plugin");
        let name = file.rsplit('/').next().expect("a name");
        fs::write(dir.path().join(name), text).expect(file);
    }
    build(dir.path(), &Options::default()).expect("a component");
}

#[test]
fn says_what_is_missing() {
    let dir = tempfile::tempdir().expect("a folder");
    manifest(dir.path());
    for (case, source, want) in [
        ("no SDK", "package main\nfunc main() {}\n", "does not use the package weir.dev/plugin"),
        (
            "not registered",
            "package main\nimport \"weir.dev/plugin\"\nvar Keep = plugin.BudgetLeft\nfunc main() {}\n",
            "call plugin.Register",
        ),
        (
            "a call at the wrong time",
            "package main\nimport (\"weir.dev/plugin\"; \"weir.dev/plugin/logging\")\n\
             func init() { plugin.SetAttribute(\"a\", \"b\"); logging.Info(\"x\") }\nfunc main() {}\n",
            "not there at build time",
        ),
    ] {
        fs::write(dir.path().join("main.go"), source).expect("main.go");
        let error = build(dir.path(), &Options::default()).expect_err(case);
        assert!(error.to_string().contains(want), "{case}: {error}");
    }
    fs::write(dir.path().join("main.go"), "package main\nfunc main() { nothing() }\n").expect("main.go");
    let error = build(dir.path(), &Options::default()).expect_err("it does not compile");
    assert!(matches!(error, BuildError::Compile { program: "go", .. }), "{error}");
}

fn manifest(dir: &Path) {
    let text = "module example.com/apart\n\ngo 1.24\n\nrequire weir.dev/plugin v0.0.0\n\n\
                replace weir.dev/plugin => ./.weir/plugin-sdk\n";
    fs::write(dir.join("go.mod"), text).expect("go.mod");
}
