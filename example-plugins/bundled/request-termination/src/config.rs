//! Kong's configuration fields of `request-termination`.

use serde::Deserialize;
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// The status of the answer.
    #[schemars(range(min = 100, max = 599))]
    pub status_code: u16,
    /// The message of the answer. Without it, and without a body, a few statuses have one of their
    /// own.
    pub message: Option<String>,
    /// What `body` is.
    pub content_type: Option<String>,
    /// The body of the answer, as it is. Not together with `message`.
    pub body: Option<String>,
    /// Answer with a description of the request, to find out what arrives at the gateway.
    pub echo: bool,
    /// Answer only requests that have a header or a query parameter of this name; others go on.
    pub trigger: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { status_code: 503, message: None, content_type: None, body: None, echo: false, trigger: None }
    }
}

impl Config {
    /// The message of the operator, or the one that Kong has for the status.
    pub(crate) fn message(&self) -> Option<&str> {
        let default = match self.status_code {
            401 => Some("Unauthorized"),
            404 => Some("Not found"),
            405 => Some("Method not allowed"),
            500 => Some("An unexpected error occurred"),
            502 => Some("Bad Gateway"),
            503 => Some("Service unavailable"),
            _ => None,
        };
        self.message.as_deref().or(default)
    }

    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        // Kong takes 1xx too, but such an answer would never end the request.
        if !(200..600).contains(&self.status_code) {
            problems.push(ConfigProblem::new("/status_code", "must be a status from 200 to 599"));
        }
        if self.content_type.as_ref().is_some_and(|kind| kind.contains(|letter: char| letter.is_control())) {
            problems.push(ConfigProblem::new("/content_type", "must not contain line breaks"));
        }
        if let Some(message) = self.trigger.as_deref().and_then(name_problem) {
            problems.push(ConfigProblem::new("/trigger", &message));
        }
        if let Some(message) = self.combination_problem() {
            problems.push(ConfigProblem::new("", message));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Fields that contradict each other; in Kong's words.
    fn combination_problem(&self) -> Option<&'static str> {
        let present = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
        let (kind, body) = (present(&self.content_type), present(&self.body));
        if present(&self.message) && (kind || body) {
            return Some("message cannot be used with content_type or body");
        }
        if kind && !body {
            return Some("content_type requires a body");
        }
        (self.echo && body).then_some("echo cannot be used with content_type and body")
    }
}

/// In Kong's words.
fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("no header name provided".into());
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    let bad = !name.chars().all(allowed);
    bad.then(|| format!("bad header name '{name}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"))
}
