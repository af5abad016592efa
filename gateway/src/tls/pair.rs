//! Certificates with their keys, as TLS uses them.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// The text holds no certificate in PEM.
    #[error("no certificate in PEM")]
    NoCertificate,
    /// The text holds no private key in PEM.
    #[error("no private key in PEM")]
    NoKey,
    /// They do not belong together, or are of a kind that TLS does not use.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Reads a chain, the own certificate first, and the key of that one; both are texts in PEM.
///
/// # Errors
///
/// Any [`PairError`].
pub fn read_pair(chain: &str, key: &str) -> Result<Arc<CertifiedKey>, PairError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(PairError::NoCertificate)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| PairError::NoKey)?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?))
}

/// What is shown under one name: the same certificate for one kind of key or for several.
pub struct Pairs(Vec<Arc<CertifiedKey>>);

impl Pairs {
    /// Reads chains and their keys, in the order in which they are preferred.
    ///
    /// # Errors
    ///
    /// Any [`PairError`], and if there is none at all.
    pub fn read<'t>(pairs: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<Self, PairError> {
        let pairs: Vec<_> =
            pairs.into_iter().map(|(chain, key)| read_pair(chain, key)).collect::<Result<_, _>>()?;
        if pairs.is_empty() { Err(PairError::NoCertificate) } else { Ok(Self(pairs)) }
    }

    /// The first whose key can sign as the client wants; the first of all if none can, so that the
    /// handshake tells the client why it fails.
    pub(super) fn choose(&self, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let fits = |pair: &&Arc<CertifiedKey>| pair.key.choose_scheme(schemes).is_some();
        self.0.iter().find(fits).or(self.0.first()).cloned()
    }
}

impl std::fmt::Debug for Pairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pairs({})", self.0.len())
    }
}
