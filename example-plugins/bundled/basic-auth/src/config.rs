//! Kong's configuration fields of `basic-auth`.

use serde::Deserialize;
use weir_plugin_sdk::{ConfigProblem, JsonSchema, auth, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-forbidden-scopes" = ["consumer"]))]
pub struct Config {
    /// Id or username of the consumer to use when authentication fails. Without it such a request
    /// is refused.
    pub anonymous: Option<String>,
    /// Do not pass the username and password on to the upstream.
    pub hide_credentials: bool,
    /// The realm of the `WWW-Authenticate` header.
    pub realm: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { anonymous: None, hide_credentials: false, realm: "service".into() }
    }
}

impl Config {
    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        auth::realm_problem(Some(&self.realm)).map_or(Ok(()), |problem| Err(vec![problem]))
    }
}
