//! The shape of files and folders.

use std::path::Path;

use crate::source::{Source, assert_none, files, is_tests, read, root};

/// Lines of one file, without the tests at its end.
const MOST_LINES: usize = 400;
/// Lines of a file that holds nothing but tests.
const MOST_TEST_LINES: usize = 600;

/// Folders with Rust sources.
const FOLDERS: &[&str] = &["gateway", "plugin-sdk", "example-plugins", "tests"];

fn sources() -> Vec<Source> {
    FOLDERS.iter().flat_map(|folder| files(folder, ".rs")).collect()
}

#[test]
fn files_are_short() {
    let mut faults = Vec::new();
    for Source { path, text } in sources() {
        let only_tests = is_tests(&path) || path.starts_with("tests/");
        let most = if only_tests { MOST_TEST_LINES } else { MOST_LINES };
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().count();
        if lines > most {
            faults.push(format!("{path} has {lines} lines, and {most} is the most"));
        }
    }
    assert_none("long files", faults);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|source| !is_tests(&source.path));
    let silent = silent.filter(|source| !source.text.starts_with("//! ") && !source.text.starts_with("#!["));
    assert_none("files that do not begin with //!", silent.map(|source| source.path).collect());
}

#[test]
fn every_folder_has_one_door() {
    let mut faults = Vec::new();
    for Source { path, .. } in files("gateway/src", ".rs") {
        let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
        let is_root = folder == Path::new("gateway/src");
        if !is_root && !root().join(folder).join("mod.rs").exists() {
            faults.push(format!("{} has no mod.rs", folder.display()));
        }
        let beside = folder.join(Path::new(&path).file_stem().unwrap_or_default());
        if !path.ends_with("/mod.rs") && root().join(&beside).is_dir() && !path.ends_with("/main.rs") {
            faults.push(format!("{path} stands beside the folder {}: its door is mod.rs", beside.display()));
        }
    }
    faults.dedup();
    assert_none("folders without a door", faults);
}

#[test]
fn a_todo_has_an_issue() {
    let mut faults = Vec::new();
    // Spelled apart, so that this file is not found.
    let word = concat!("TO", "DO");
    for Source { path, text } in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            let open = line.find(word).map(|at| &line[at..]);
            if open.is_some_and(|rest| rest.split_once("(#").is_none_or(|(before, _)| before.len() >= 24)) {
                faults.push(format!("{path}:{number}"));
            }
        }
    }
    assert_none("open points without an issue number, as in (#12)", faults);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let mut faults = Vec::new();
    for manifest in FOLDERS.iter().flat_map(|folder| files(folder, "Cargo.toml")) {
        // A workspace of its own, such as fuzz targets, sees none of ours.
        let apart = manifest.text.contains("[workspace]");
        if !apart && !manifest.text.contains("[lints]\nworkspace = true") {
            faults.push(manifest.path);
        }
    }
    assert_none("manifests without [lints] workspace = true", faults);
}

#[test]
fn versions_stand_in_one_place() {
    let mut faults = Vec::new();
    for manifest in FOLDERS.iter().flat_map(|folder| files(folder, "Cargo.toml")) {
        if manifest.text.contains("[workspace]") {
            continue;
        }
        let dependencies = manifest.text.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines().filter(|line| line.contains("version =") || line.contains("= \"")) {
            faults.push(format!("{}: {line}", manifest.path));
        }
    }
    assert_none("versions outside the root Cargo.toml", faults);
    assert!(read("Cargo.toml").contains("[workspace.dependencies]"));
}
