//! Kong's configuration fields of `jwt`.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, auth, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend(
    "x-forbidden-scopes" = ["consumer"],
    "x-checks" = serde_json::json!([
        {"conditional": {"if_field": "maximum_expiration", "if_match": {"gt": 0}, "then_field": "claims_to_verify", "then_match": {"contains": "exp"}}},
    ])
))]
pub struct Config {
    /// Names of query parameters that may hold the token.
    #[schemars(extend("uniqueItems" = true))]
    pub uri_param_names: Option<Vec<String>>,
    /// Names of cookies that may hold the token.
    #[schemars(extend("uniqueItems" = true))]
    pub cookie_names: Option<Vec<String>>,
    /// The claim, or else the field of the token's header, that names the credential by its key.
    pub key_claim_name: Option<String>,
    /// Credentials hold their secrets in base64. This is said of public keys too, so that a PEM text does not
    /// serve then.
    pub secret_is_base64: bool,
    /// The claims that a token must have, and that must hold now.
    #[schemars(extend("uniqueItems" = true))]
    pub claims_to_verify: Option<Vec<Claim>>,
    /// Id or username of the consumer to use when authentication fails. Without it such a request
    /// is refused.
    pub anonymous: Option<String>,
    /// Ask for a token on `OPTIONS` requests too.
    pub run_on_preflight: bool,
    /// The longest time, in seconds, for which a token may still be valid; 0 for any.
    #[schemars(range(min = 0, max = 31_536_000))]
    pub maximum_expiration: Option<f64>,
    /// Names of headers that may hold the token, as `Bearer` and the token.
    #[schemars(extend("uniqueItems" = true))]
    pub header_names: Option<Vec<String>>,
    /// The realm of the `WWW-Authenticate` header.
    pub realm: Option<String>,
}

/// A claim about time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names of RFC 7519")]
pub enum Claim {
    Exp,
    Nbf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            uri_param_names: Some(vec!["jwt".into()]),
            cookie_names: Some(Vec::new()),
            key_claim_name: Some("iss".into()),
            secret_is_base64: false,
            claims_to_verify: None,
            anonymous: None,
            run_on_preflight: true,
            maximum_expiration: Some(0.0),
            header_names: Some(vec!["authorization".into()]),
            realm: None,
        }
    }
}

impl Config {
    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        match auth::realm_problem(self.realm.as_deref()) {
            Some(problem) => Err(vec![problem]),
            None => Ok(()),
        }
    }
}
