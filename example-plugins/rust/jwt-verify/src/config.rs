//! What the operator says in an assignment.

use serde::Deserialize;
use weir_plugin_sdk::crypto::{self, PublicKey};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

use crate::token::Token;

/// What the operator says in an assignment.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// Whose tokens are good.
    #[schemars(length(min = 1))]
    keys: Vec<Key>,
    /// What `iss` must be.
    #[serde(default)]
    pub(crate) issuer: Option<String>,
    /// What `aud` must be, or have.
    #[serde(default)]
    pub(crate) audience: Option<String>,
    /// How far the clocks may be apart.
    #[serde(default)]
    #[schemars(range(max = 600))]
    pub(crate) leeway_seconds: u64,
}

/// One key.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Key {
    /// For tokens with this `kid`; without it, for all.
    #[serde(default)]
    kid: Option<String>,
    /// The only algorithm that this key is used with.
    algorithm: Algorithm,
    /// A JWK (JSON that begins with `{`), or a PEM text with a `PUBLIC KEY` block.
    key: String,
}

/// How a token is signed (RFC 7518, 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names of the RFCs")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
}

/// A key that was read.
pub(crate) struct Ready {
    kid: Option<String>,
    name: Algorithm,
    pub(crate) algorithm: crypto::Algorithm,
    pub(crate) public: PublicKey,
}

impl Config {
    /// Equal for configurations under which the same tokens are good.
    pub(crate) fn fingerprint(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| (&key.kid, key.algorithm, &key.key)).collect();
        format!("{keys:?}\n")
    }

    /// Reads the keys.
    pub(crate) fn ready(&self) -> Result<Vec<Ready>, Vec<ConfigProblem>> {
        let read = |(place, key): (usize, &Key)| {
            let text = key.key.trim();
            let public = match text.starts_with('{') {
                true => PublicKey::from_jwk(text),
                false => PublicKey::from_pem(text),
            };
            let public =
                public.map_err(|reason| ConfigProblem::new(&format!("/keys/{place}/key"), &reason))?;
            let (kid, name) = (key.kid.clone(), key.algorithm);
            Ok(Ready { kid, name, algorithm: name.into(), public })
        };
        let (good, bad): (Vec<_>, Vec<_>) = self.keys.iter().enumerate().map(read).partition(Result::is_ok);
        let problems: Vec<_> = bad.into_iter().filter_map(Result::err).collect();
        if problems.is_empty() { Ok(good.into_iter().flatten().collect()) } else { Err(problems) }
    }
}

impl Ready {
    /// Whether the token says that it was signed like this.
    pub(crate) fn serves(&self, token: &Token<'_>) -> bool {
        let named = self.kid.is_none() || self.kid == token.header.kid;
        named && token.header.alg == format!("{:?}", self.name)
    }
}

impl From<Algorithm> for crypto::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RS256 => Self::Rs256,
            Algorithm::RS384 => Self::Rs384,
            Algorithm::RS512 => Self::Rs512,
            Algorithm::PS256 => Self::Ps256,
            Algorithm::PS384 => Self::Ps384,
            Algorithm::PS512 => Self::Ps512,
            Algorithm::ES256 => Self::Es256,
            Algorithm::ES384 => Self::Es384,
            Algorithm::ES512 => Self::Es512,
            Algorithm::EdDSA => Self::Eddsa,
        }
    }
}
