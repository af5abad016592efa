//! How TLS is spoken with one kind of upstream.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsConnector;

use super::verifier::{Unchecked, UpToDepth};
use super::{TlsDefaults, TlsIdentity, TlsRoots, TlsVerify};
use crate::client::Speaks;

/// What a service asks of TLS with its upstream. What is `None` is as the settings of the node say.
#[derive(Debug, Clone, Default)]
pub struct TlsRequirements {
    /// Kong's `tls_verify`.
    pub verify: Option<TlsVerify>,
    /// Kong's `tls_verify_depth`.
    pub depth: Option<u8>,
    /// Kong's `ca_certificates`.
    pub roots: Option<TlsRoots>,
    /// Kong's `client_certificate`.
    pub identity: Option<TlsIdentity>,
    /// What ALPN offers.
    pub speaks: Speaks,
}

/// How TLS is spoken with one kind of upstream. Cheap to clone; equal if it asks for the same.
#[derive(Clone)]
pub struct TlsProfile(Arc<Inner>);

struct Inner {
    fingerprint: [u8; 32],
    required: TlsRequirements,
    fixed: Option<TlsVerify>,
    /// Made at the first handshake; keeps sessions from then on.
    connector: OnceLock<TlsConnector>,
}

/// Whom TLS is spoken with, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsTo {
    /// The name that the other side must have, and that it is told (SNI). An address is not told.
    pub name: Arc<str>,
    /// How.
    pub profile: TlsProfile,
}

impl TlsProfile {
    /// From what a service asks for.
    pub fn new(required: TlsRequirements) -> Self {
        let TlsRequirements { verify, depth, roots, identity, speaks } = &required;
        let mut digest = Sha256::new();
        digest.update(format!("{verify:?} {depth:?} {speaks:?} {} ", roots.is_some()));
        digest.update(roots.as_ref().map(|roots| roots.digest).unwrap_or_default());
        digest.update(identity.as_ref().map(|identity| identity.digest).unwrap_or_default());
        let fingerprint = digest.finalize().into();
        Self(Arc::new(Inner { fingerprint, required, fixed: None, connector: OnceLock::new() }))
    }

    /// For calls that are not to upstreams: the node's roots or none, any depth, no certificate of its own.
    pub(in crate::client) fn of_calls(verify: TlsVerify) -> Self {
        let fingerprint = Sha256::digest(format!("calls {verify:?}")).into();
        let required = TlsRequirements::default();
        Self(Arc::new(Inner { fingerprint, required, fixed: Some(verify), connector: OnceLock::new() }))
    }

    pub(super) fn fixed(&self) -> Option<TlsVerify> {
        self.0.fixed
    }

    pub(super) fn connector(
        &self,
        roots: &Arc<RootCertStore>,
        defaults: &TlsDefaults,
    ) -> Result<TlsConnector, rustls::Error> {
        if let Some(made) = self.0.connector.get() {
            return Ok(made.clone());
        }
        let made = super::connector(self.config(roots, defaults)?);
        Ok(self.0.connector.get_or_init(|| made).clone())
    }

    fn config(
        &self,
        node_roots: &Arc<RootCertStore>,
        defaults: &TlsDefaults,
    ) -> Result<ClientConfig, rustls::Error> {
        let TlsRequirements { verify, depth, roots, identity, speaks } = &self.0.required;
        let roots = roots.as_ref().map_or_else(|| Arc::clone(node_roots), TlsRoots::store);
        let depth = depth.unwrap_or(defaults.depth);
        let verifier: Arc<dyn ServerCertVerifier> = match verify.unwrap_or(defaults.verify) {
            TlsVerify::Full => Arc::new(UpToDepth::new(roots, depth)),
            TlsVerify::Off => Arc::new(Unchecked::new()),
        };
        let builder = builder()?.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match identity.as_ref().or(defaults.identity.as_ref()) {
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&identity.key))))
            }
            None => builder.with_no_client_auth(),
        };
        match speaks {
            // nginx, and so Kong, offers nothing for HTTP/1.1.
            Speaks::Http1 => {}
            Speaks::Http2 => config.alpn_protocols = vec![b"h2".to_vec()],
        }
        Ok(config)
    }
}

/// Checks against these roots, or not at all.
pub(super) fn plain_config(roots: Option<Arc<RootCertStore>>) -> Result<ClientConfig, rustls::Error> {
    Ok(match roots {
        Some(roots) => builder()?.with_root_certificates(roots).with_no_client_auth(),
        None => {
            let unchecked = Arc::new(Unchecked::new());
            builder()?.dangerous().with_custom_certificate_verifier(unchecked).with_no_client_auth()
        }
    })
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
}

impl PartialEq for TlsProfile {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for TlsProfile {}

impl Hash for TlsProfile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.fingerprint.hash(state);
    }
}

impl std::fmt::Debug for TlsProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsProfile({:?}, fixed: {:?})", self.0.required, self.0.fixed)
    }
}
