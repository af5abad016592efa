//! A certificate and its key.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use super::TlsMaterialError;

/// A certificate and its key, shown to upstreams that ask for one.
#[derive(Clone)]
pub struct TlsIdentity {
    pub(super) key: Arc<CertifiedKey>,
    /// Of the whole chain.
    pub(super) digest: [u8; 32],
}

impl TlsIdentity {
    /// Reads a chain, the own certificate first, and the key of that one.
    ///
    /// # Errors
    ///
    /// Any [`TlsMaterialError`].
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, TlsMaterialError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
        let certificates = certificates.map_err(|_| TlsMaterialError::NoCertificate)?;
        if certificates.is_empty() {
            return Err(TlsMaterialError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsMaterialError::NoKey)?;
        let mut digest = Sha256::new();
        certificates.iter().for_each(|certificate| digest.update(certificate));
        let key = CertifiedKey::from_der(certificates, key, &aws_lc_rs::default_provider())
            .map_err(TlsMaterialError::Unusable)?;
        Ok(Self { key: Arc::new(key), digest: digest.finalize().into() })
    }
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsIdentity")
    }
}
