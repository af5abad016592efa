//! Kong's configuration fields of `hmac-auth`.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::crypto::Digest;
use weir_plugin_sdk::{ConfigProblem, JsonSchema, auth, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-forbidden-scopes" = ["consumer"]))]
pub struct Config {
    /// Do not pass the signature on to the upstream.
    pub hide_credentials: bool,
    /// Seconds that the date of a request may be off.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub clock_skew: Option<f64>,
    /// Id or username of the consumer to use when authentication fails. Without it such a request
    /// is refused.
    pub anonymous: Option<String>,
    /// Compare bodies with the SHA-256 in the `Digest` header. A body without one is refused.
    pub validate_request_body: bool,
    /// Headers that every signature has to cover, in lower case; `request-line` and `@request-target`
    /// stand for the target.
    pub enforce_headers: Option<Vec<String>>,
    /// Algorithms that clients may sign with.
    pub algorithms: Option<Vec<Algorithm>>,
    /// The realm of the `WWW-Authenticate` header.
    pub realm: Option<String>,
}

/// How a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Algorithm {
    #[serde(rename = "hmac-sha1")]
    Sha1,
    #[serde(rename = "hmac-sha256")]
    Sha256,
    #[serde(rename = "hmac-sha384")]
    Sha384,
    #[serde(rename = "hmac-sha512")]
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name that clients use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "hmac-sha1",
            Self::Sha256 => "hmac-sha256",
            Self::Sha384 => "hmac-sha384",
            Self::Sha512 => "hmac-sha512",
        }
    }

    pub(crate) fn digest(self) -> Digest {
        match self {
            Self::Sha1 => Digest::Sha1,
            Self::Sha256 => Digest::Sha256,
            Self::Sha384 => Digest::Sha384,
            Self::Sha512 => Digest::Sha512,
        }
    }
}

/// Where a field is set to null, its default counts.
impl Default for Config {
    fn default() -> Self {
        Self {
            hide_credentials: false,
            clock_skew: Some(300.0),
            anonymous: None,
            validate_request_body: false,
            enforce_headers: Some(Vec::new()),
            algorithms: Some(Algorithm::ALL.to_vec()),
            realm: None,
        }
    }
}

impl Config {
    pub(crate) fn clock_skew(&self) -> f64 {
        self.clock_skew.unwrap_or(300.0)
    }

    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        self.algorithms.clone().unwrap_or_else(|| Algorithm::ALL.to_vec())
    }

    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigProblem>> {
        auth::realm_problem(self.realm.as_deref()).map_or(Ok(()), |problem| Err(vec![problem]))
    }
}
