//! Kong's configuration fields of `redirect`.

use serde::Deserialize;
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

use crate::location;

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Config {
    /// The status of the answer.
    #[serde(default = "moved")]
    #[schemars(range(min = 100, max = 599))]
    pub status_code: u16,
    /// The URL that clients are sent to.
    pub location: String,
    /// Put the path and the query of the request in place of those of `location`.
    #[serde(default = "no")]
    pub keep_incoming_path: Option<bool>,
}

fn moved() -> u16 {
    301
}

#[expect(clippy::unnecessary_wraps, reason = "the field may be null")]
fn no() -> Option<bool> {
    Some(false)
}

impl Config {
    /// Whether the request's path and query are kept.
    pub(crate) fn keeps(&self) -> bool {
        self.keep_incoming_path.unwrap_or(false)
    }

    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        // Kong takes 1xx too, but such an answer would never end the request.
        if !(200..600).contains(&self.status_code) {
            problems.push(ConfigProblem::new("/status_code", "must be a status from 200 to 599"));
        }
        if let Some(message) = location::problem(&self.location, self.keeps()) {
            problems.push(ConfigProblem::new("/location", message));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
