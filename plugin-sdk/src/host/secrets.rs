//! Secrets that the operator named: capability `secrets`. A plugin uses them without seeing them.

use super::raw::secrets;

/// One secret.
pub struct Secret(secrets::Secret);

/// The secret that the operator called `name`.
///
/// # Errors
///
/// A text, if no secret of this name was granted.
pub fn open(name: &str) -> Result<Secret, String> {
    secrets::open(name).map(Secret)
}

impl Secret {
    /// HMAC with SHA-256, the secret being the key.
    pub fn hmac_sha256(&self, data: &[u8]) -> Vec<u8> {
        self.0.hmac_sha256(data)
    }

    /// Whether it is `candidate`. Takes as long for a near miss as for a far one.
    pub fn equals(&self, candidate: &[u8]) -> bool {
        self.0.equals(candidate)
    }

    /// The secret itself; `None` unless the operator granted that too.
    pub fn reveal(&self) -> Option<Vec<u8>> {
        self.0.reveal().ok()
    }
}
