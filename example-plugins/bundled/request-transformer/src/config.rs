//! Kong's configuration fields of `request-transformer`.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

use crate::fields::{Action, Rules};

/// Kong's configuration fields, with Kong's defaults. Values may be templates such as
/// `$(headers.x)`, `$(query_params.x)`, `$(uri_captures.x)` or `$(headers['x'] or 'y')`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-protocols" = ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"]))]
pub struct Config {
    /// The method for the upstream.
    #[schemars(pattern(r"^[A-Z]+$"))]
    pub http_method: Option<String>,
    /// What to take away, by name.
    pub remove: Remove,
    /// What to call otherwise, as `old:new`.
    pub rename: Change,
    /// What to change if it is there, as `name:value`.
    pub replace: Replace,
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
    pub body: Vec<String>,
    pub headers: Vec<String>,
    pub querystring: Vec<String>,
}

/// Pairs of a name and a value.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's names")]
pub struct Change {
    pub body: Vec<String>,
    #[schemars(inner(pattern(r"^[^:]+:.*$")))]
    pub headers: Vec<String>,
    pub querystring: Vec<String>,
}

/// Pairs of a name and a value, and the path.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "Kong's names")]
pub struct Replace {
    pub body: Vec<String>,
    #[schemars(inner(pattern(r"^[^:]+:.*$")))]
    pub headers: Vec<String>,
    pub querystring: Vec<String>,
    /// The path for the upstream.
    pub uri: Option<String>,
}

impl Config {
    /// The rules for the query, in the order in which Kong follows them.
    pub(crate) fn query_rules(&self) -> Rules<'_> {
        [
            (Action::Remove, &self.remove.querystring),
            (Action::Rename, &self.rename.querystring),
            (Action::Replace, &self.replace.querystring),
            (Action::Add, &self.add.querystring),
            (Action::Append, &self.append.querystring),
        ]
    }

    /// The rules for the body, in the same order.
    pub(crate) fn body_rules(&self) -> Rules<'_> {
        [
            (Action::Remove, &self.remove.body),
            (Action::Rename, &self.rename.body),
            (Action::Replace, &self.replace.body),
            (Action::Add, &self.add.body),
            (Action::Append, &self.append.body),
        ]
    }

    /// What the schema cannot say, apart from the templates.
    pub(crate) fn problems(&self) -> Vec<ConfigProblem> {
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
        problems
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
