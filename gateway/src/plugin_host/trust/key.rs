//! A public key, as an operator writes it down.

use std::fmt;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Why a key or a signature cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither of the two forms of a key.
    #[error("expected an Ed25519 public key: PEM, or `ed25519:` and 32 bytes in base64")]
    Key,
    /// Neither of the two forms of a signature.
    #[error("expected a signature of 64 bytes, as they are or in base64")]
    Signature,
}

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TrustedKey([u8; 32]);

impl TrustedKey {
    /// Reads `ed25519:` and base64, or the PEM that `openssl pkey -pubout` writes.
    ///
    /// # Errors
    ///
    /// [`KeyError::Key`].
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let raw = match text.strip_prefix("ed25519:") {
            Some(raw) => STANDARD.decode(raw.trim()).map_err(|_| KeyError::Key)?,
            None => {
                let body = text.split_once(BEGIN).and_then(|(_, rest)| Some(rest.split_once(END)?.0));
                let body: String = body.ok_or(KeyError::Key)?.split_whitespace().collect();
                let der = STANDARD.decode(body).map_err(|_| KeyError::Key)?;
                der.strip_prefix(SPKI.as_slice()).ok_or(KeyError::Key)?.to_vec()
            }
        };
        raw.try_into().map(Self).map_err(|_| KeyError::Key)
    }

    /// A name for it that is short and public: 16 hexadecimal digits of its SHA-256.
    pub fn id(&self) -> String {
        Sha256::digest(self.0).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// As an operator would write it into a setting: `ed25519:` and base64.
    pub fn inline(&self) -> String {
        format!("ed25519:{}", STANDARD.encode(self.0))
    }

    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl From<[u8; 32]> for TrustedKey {
    fn from(raw: [u8; 32]) -> Self {
        Self(raw)
    }
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedKey({})", self.id())
    }
}
