//! Kong's configuration fields of `response-transformer`.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// What to take away, by name.
    pub remove: Remove,
    /// What to call otherwise, as `old:new`.
    pub rename: Rename,
    /// What to change if it is there, as `name:value`.
    pub replace: Change,
    /// What to add if it is not there, as `name:value`.
    pub add: Change,
    /// What to add in any case, as `name:value`.
    pub append: Change,
}

/// Names.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's names")]
pub struct Remove {
    pub json: Vec<String>,
    pub headers: Vec<String>,
}

/// Pairs of an old and a new name.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's names")]
pub struct Rename {
    #[schemars(inner(pattern(r"^[^:]+:.*$")))]
    pub json: Vec<String>,
    #[schemars(inner(pattern(r"^[^:]+:.*$")))]
    pub headers: Vec<String>,
}

/// Pairs of a name and a value.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's names")]
pub struct Change {
    #[schemars(inner(pattern(r"^[^:]+:.*$")))]
    pub json: Vec<String>,
    pub json_types: Vec<JsonType>,
    #[schemars(inner(pattern(r"^[^:]+:.*$")))]
    pub headers: Vec<String>,
}

/// The type of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum JsonType {
    Boolean,
    Number,
    String,
}

impl Config {
    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let headers = [
            ("remove", &self.remove.headers),
            ("rename", &self.rename.headers),
            ("replace", &self.replace.headers),
            ("add", &self.add.headers),
            ("append", &self.append.headers),
        ];
        for (place, pairs) in headers {
            let found = pairs.iter().enumerate().filter_map(|(at, pair)| {
                let message = pair_problem(pair, place == "rename")?;
                Some(ConfigProblem::new(&format!("/{place}/headers/{at}"), &message))
            });
            problems.extend(found);
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Splits `name:value`, as Kong does: colons before the value are skipped, and an empty value is none.
pub(crate) fn split(pair: &str) -> (&str, Option<&str>) {
    let (name, value) = pair.split_once(':').unwrap_or((pair, ""));
    let value = value.trim_start_matches(':');
    (name, (!value.is_empty()).then_some(value))
}

fn pair_problem(pair: &str, value_is_name: bool) -> Option<String> {
    let (name, value) = split(pair);
    let bad = |name: &str| format!("'{name}' is not a valid header");
    if !is_header_name(name) {
        return Some(bad(name));
    }
    match value {
        Some(value) if value_is_name && !is_header_name(value) => Some(bad(value)),
        Some(value) if value.contains(['\r', '\n', '\0']) => Some("a header value is one line".into()),
        Some(_) | None => None,
    }
}

fn is_header_name(name: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    !name.is_empty() && name.chars().all(allowed)
}
