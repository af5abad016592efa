//! The docs name what is there: paths exist, metrics are described, pages are listed.
//!
//! That every setting has its row is a test of `gateway/src/config/catalog.rs`, beside the table.

use std::collections::BTreeSet;

use crate::names::names;
use crate::source::{Source, assert_none, files, read, root};

/// The first names of paths in this repository.
const TOP: &[&str] =
    &["gateway", "wit", "plugin-sdk", "example-plugins", "migrations", "tests", "docs", ".ci", ".make"];

fn pages() -> Vec<Source> {
    let mut pages = files("docs", ".md");
    pages.push(Source { path: "README.md".to_owned(), text: read("README.md") });
    pages
}

/// What stands between backticks on one line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether `word` looks like a path of this repository.
fn is_path(word: &str) -> bool {
    let (first, rest) = word.split_once('/').unwrap_or((word, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    TOP.contains(&first) && !rest.is_empty() && word.chars().all(plain)
}

#[test]
fn paths_named_in_the_docs_exist() {
    let mut faults = Vec::new();
    for Source { path, text } in pages() {
        for word in quoted(&text).filter(|word| is_path(word)) {
            if !root().join(word).exists() {
                faults.push(format!("{path} names {word}"));
            }
        }
    }
    assert_none("paths that do not exist", faults);
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut faults = Vec::new();
    for Source { path, text } in pages() {
        let folder = root().join(&path).parent().map(ToOwned::to_owned).unwrap_or_default();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let outside = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !outside && !folder.join(target).exists() {
                faults.push(format!("{path} links to {target}"));
            }
        }
    }
    assert_none("links that lead nowhere", faults);
}

#[test]
fn every_page_is_in_the_index() {
    let index = read("docs/README.md");
    let missing = files("docs", ".md").into_iter().filter(|page| {
        let below = page.path.trim_start_matches("docs/");
        below != "README.md" && !below.starts_with("decisions/") && !index.contains(below)
    });
    assert_none("pages that docs/README.md does not list", missing.map(|page| page.path).collect());
}

#[test]
fn every_metric_is_described() {
    let page = read("docs/operations.md");
    let mut metrics = BTreeSet::new();
    for source in files("gateway/src", ".rs").into_iter().filter(|source| source.text.contains("Exposition"))
    {
        let found = names(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
        metrics.extend(found.texts.into_iter().filter(|text| is_metric(text)));
    }
    assert!(metrics.len() > 10, "metrics are found: {metrics:?}");
    let missing = metrics.into_iter().filter(|metric| !page.contains(&format!("`{metric}`")));
    assert_none("metrics that docs/operations.md does not describe", missing.collect());
}

fn is_metric(text: &str) -> bool {
    let prefixed = ["kong_", "weir_", "process_"].iter().any(|prefix| text.starts_with(prefix));
    prefixed && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}
