//! Kong's configuration fields of `bot-detection`.

use regex_lite::{Regex, RegexBuilder};
use serde::Deserialize;
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

/// Bytes that one expression may take.
const MAX_SIZE: usize = 256 << 10;

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-forbidden-scopes" = ["consumer"]))]
pub struct Config {
    /// Regular expressions for a `User-Agent` that is let in, whatever else is said of it.
    pub allow: Option<Vec<String>>,
    /// Regular expressions for a `User-Agent` that is refused, besides those of known bots.
    pub deny: Option<Vec<String>>,
}

impl Default for Config {
    fn default() -> Self {
        Self { allow: Some(Vec::new()), deny: Some(Vec::new()) }
    }
}

/// The expressions of one list; for each that is wrong a problem.
pub(crate) fn compile(
    field: &str,
    sources: Option<&[String]>,
    problems: &mut Vec<ConfigProblem>,
) -> Vec<Regex> {
    let mut expressions = Vec::new();
    for (at, source) in sources.into_iter().flatten().enumerate() {
        match RegexBuilder::new(source).size_limit(MAX_SIZE).build() {
            Ok(expression) => expressions.push(expression),
            Err(error) => {
                // Kong's words, and why: it takes a few expressions that no engine reads in linear time.
                let message = format!("not a valid regex: {source} ({error})");
                problems.push(ConfigProblem::new(&format!("/{field}/{at}"), &message));
            }
        }
    }
    expressions
}
