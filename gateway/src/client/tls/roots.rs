//! Certificates whose word on others is taken.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::TlsMaterialError;

/// Certificates whose word on others is taken. Cheap to clone.
#[derive(Clone)]
pub struct TlsRoots {
    store: Arc<RootCertStore>,
    pub(super) digest: [u8; 32],
}

impl TlsRoots {
    /// Reads all certificates of some texts. Those that rustls can make nothing of are left out, as old
    /// bundles have some.
    ///
    /// # Errors
    ///
    /// [`TlsMaterialError::NoCertificate`] if none is left.
    pub fn from_pem<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, TlsMaterialError> {
        let (mut store, mut digest) = (RootCertStore::empty(), Sha256::new());
        for text in texts {
            for certificate in CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok) {
                digest.update(&certificate);
                _ = store.add(certificate);
            }
        }
        if store.is_empty() {
            return Err(TlsMaterialError::NoCertificate);
        }
        Ok(Self { store: Arc::new(store), digest: digest.finalize().into() })
    }

    pub(super) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }
}

/// The roots that browsers trust, as of this build.
pub(super) fn built_in() -> Arc<RootCertStore> {
    Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

impl std::fmt::Debug for TlsRoots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsRoots({})", self.store.len())
    }
}
