//! Kong's configuration fields of `correlation-id`.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// The header that carries the id.
    pub header_name: Option<String>,
    /// How ids are made.
    pub generator: Generator,
    /// Tell the client the id too, in a response header of the same name.
    pub echo_downstream: bool,
}

/// How ids are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "Kong's names")]
pub enum Generator {
    #[serde(rename = "uuid")]
    Uuid,
    #[serde(rename = "uuid#counter")]
    UuidCounter,
    #[serde(rename = "tracker")]
    Tracker,
}

const HEADER: &str = "Kong-Request-ID";

impl Default for Config {
    fn default() -> Self {
        Self { header_name: Some(HEADER.into()), generator: Generator::UuidCounter, echo_downstream: false }
    }
}

impl Config {
    /// The name of the header, in lower case.
    pub(crate) fn header(&self) -> String {
        self.header_name.as_deref().unwrap_or(HEADER).to_ascii_lowercase()
    }

    /// What the schema cannot say. Kong takes any text, and fails in each request.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let name = self.header();
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(vec![ConfigProblem::new("/header_name", "must be the name of a header")]);
        }
        Ok(())
    }
}
