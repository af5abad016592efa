//! Kong's configuration fields of `key-auth`.

use serde::Deserialize;
use weir_plugin_sdk::{ConfigProblem, JsonSchema, auth, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-forbidden-scopes" = ["consumer"]))]
pub struct Config {
    /// Names of the header or query parameter that may hold the key, in the order in which they are
    /// tried.
    pub key_names: Vec<String>,
    /// Do not pass the key on to the upstream.
    pub hide_credentials: bool,
    /// Id or username of the consumer to use when authentication fails. Without it such a request
    /// is refused.
    pub anonymous: Option<String>,
    /// Look for the key in headers.
    pub key_in_header: bool,
    /// Look for the key in the query.
    pub key_in_query: bool,
    /// Look for the key in the body: a form, JSON, or a form in parts, of 1 MiB at most.
    pub key_in_body: bool,
    /// Ask for a key on `OPTIONS` requests too.
    pub run_on_preflight: bool,
    /// The realm of the `WWW-Authenticate` header.
    pub realm: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            key_names: vec!["apikey".into()],
            hide_credentials: false,
            anonymous: None,
            key_in_header: true,
            key_in_query: true,
            key_in_body: false,
            run_on_preflight: true,
            realm: None,
        }
    }
}

impl Config {
    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        for (at, name) in self.key_names.iter().enumerate() {
            if let Some(message) = name_problem(name) {
                problems.push(ConfigProblem::new(&format!("/key_names/{at}"), &message));
            }
        }
        problems.extend(auth::realm_problem(self.realm.as_deref()));
        if problems.is_empty() { Ok(()) } else { Err(problems) }
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
