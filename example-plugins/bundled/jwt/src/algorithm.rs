//! How tokens are signed (RFC 7518, 8037), and whether one is.

use weir_plugin_sdk::auth::{self, Credential};
use weir_plugin_sdk::crypto::{self, Digest, PublicKey};

use crate::pem;
use crate::refusal::Refusal;
use crate::token::{Token, decode};

/// Public keys that are kept at hand: reading one takes longer than using it.
const MOST_KEYS: usize = 32;

/// What a credential without an algorithm has.
const DEFAULT: &str = "HS256";

/// A way to sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Algorithm {
    /// With a secret.
    Hmac(Digest),
    /// With a private key.
    Public(crypto::Algorithm),
}

impl Algorithm {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hmac(Digest::Sha256),
            "HS384" => Self::Hmac(Digest::Sha384),
            "HS512" => Self::Hmac(Digest::Sha512),
            "RS256" => Self::Public(crypto::Algorithm::Rs256),
            "RS384" => Self::Public(crypto::Algorithm::Rs384),
            "RS512" => Self::Public(crypto::Algorithm::Rs512),
            "ES256" => Self::Public(crypto::Algorithm::Es256),
            "ES384" => Self::Public(crypto::Algorithm::Es384),
            "ES512" => Self::Public(crypto::Algorithm::Es512),
            "PS256" => Self::Public(crypto::Algorithm::Ps256),
            "PS384" => Self::Public(crypto::Algorithm::Ps384),
            "PS512" => Self::Public(crypto::Algorithm::Ps512),
            "EdDSA" => Self::Public(crypto::Algorithm::Eddsa),
            _ => return None,
        })
    }

    fn of(credential: &Credential) -> Option<Self> {
        match credential.text("algorithm") {
            "" => Self::named(DEFAULT),
            name => Self::named(name),
        }
    }

    /// The field of a credential that holds what this is checked with. A public key is never a secret: everybody
    /// could sign with it.
    fn field(self) -> &'static str {
        match self {
            Self::Hmac(_) => "secret",
            Self::Public(_) => "rsa_public_key",
        }
    }
}

/// Checks signatures.
pub(crate) struct Verifier {
    secret_is_base64: bool,
    /// By their texts, the oldest first.
    keys: Vec<(Vec<u8>, PublicKey)>,
}

impl Verifier {
    pub(crate) fn new(secret_is_base64: bool) -> Self {
        Self { secret_is_base64, keys: Vec::new() }
    }

    /// Whether the owner of the credential has signed the token. How is for the credential to say, not for the
    /// token.
    pub(crate) fn check(&mut self, token: &Token<'_>, credential: &Credential) -> Result<(), Refusal> {
        let algorithm = Algorithm::of(credential).filter(|algorithm| *algorithm == token.algorithm);
        let algorithm = algorithm.ok_or_else(|| Refusal::new("Invalid algorithm", "bad-algorithm"))?;
        let unusable = || Refusal::new("Invalid key/secret", "bad-secret");
        let text = credential.text(algorithm.field()).as_bytes();
        let key = if self.secret_is_base64 { decode(text) } else { Some(text.to_vec()) };
        let key = key.filter(|key| !key.is_empty()).ok_or_else(unusable)?;
        let is_signed = match algorithm {
            Algorithm::Hmac(digest) => {
                auth::is_same(&crypto::hmac(digest, &key, token.signed), &token.signature)
            }
            Algorithm::Public(algorithm) => {
                let key = self.public_key(key).ok_or_else(unusable)?;
                key.verify(algorithm, token.signed, &token.signature)
            }
        };
        if is_signed { Ok(()) } else { Err(Refusal::new("Invalid signature", "bad-signature")) }
    }

    fn public_key(&mut self, text: Vec<u8>) -> Option<&PublicKey> {
        let known = self.keys.iter().position(|(known, _)| *known == text);
        if let Some(at) = known {
            return self.keys.get(at).map(|(_, key)| key);
        }
        let block = pem::public_key(std::str::from_utf8(&text).ok()?)?;
        let key = PublicKey::from_pem(&block).ok()?;
        if self.keys.len() >= MOST_KEYS {
            self.keys.remove(0);
        }
        self.keys.push((text, key));
        self.keys.last().map(|(_, key)| key)
    }
}
