//! TLS as a client: whom the gateway trusts, and who it says it is.
//!
//! A [`TlsProfile`] says how TLS is spoken with one kind of upstream; [`Tls`] knows what holds where a profile
//! leaves it open. Equal profiles are the same to the pool: whatever decides whom a connection trusts, or as
//! whom it came, tells them apart. A profile keeps the sessions that upstreams gave it, so that a second
//! handshake with the same name is a short one.
//!
//! Deliberately not here: where profiles come from, and revocation, which Kong does not check either.

mod identity;
mod profile;
mod roots;
#[cfg(test)]
mod tests;
mod verifier;

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use identity::TlsIdentity;
pub use profile::{TlsProfile, TlsRequirements, TlsTo};
pub use roots::TlsRoots;

/// nginx's `proxy_ssl_verify_depth`.
const DEPTH: u8 = 1;

/// Whether the other side's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsVerify {
    /// Against the trusted root certificates, and the name.
    Full,
    /// Not at all: Kong's default for services (`tls_verify` null).
    Off,
}

/// What a text in PEM is not.
#[derive(Debug, thiserror::Error)]
pub enum TlsMaterialError {
    /// It has no certificate.
    #[error("no certificate in PEM")]
    NoCertificate,
    /// It has no private key.
    #[error("no private key in PEM")]
    NoKey,
    /// The key is of no use, or not that of the certificate.
    #[error("certificate and key are of no use")]
    Unusable(#[source] rustls::Error),
}

/// What holds where a service says nothing.
#[derive(Debug, Clone)]
pub struct TlsDefaults {
    /// Whose word on others is taken; `None` stands for the roots that are built in.
    pub roots: Option<TlsRoots>,
    /// Whether upstreams are checked (nginx's `proxy_ssl_verify`).
    pub verify: TlsVerify,
    /// Certificates between an upstream's own and a root (`proxy_ssl_verify_depth`).
    pub depth: u8,
    /// Shown to upstreams that ask (Kong's `client_ssl_cert`).
    pub identity: Option<TlsIdentity>,
}

impl Default for TlsDefaults {
    fn default() -> Self {
        Self { roots: None, verify: TlsVerify::Off, depth: DEPTH, identity: None }
    }
}

/// TLS for outgoing connections. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<Defaults>);

struct Defaults {
    roots: Arc<RootCertStore>,
    said: TlsDefaults,
    /// For calls that are not to upstreams.
    full: TlsConnector,
    off: TlsConnector,
}

impl Tls {
    /// Sets it up.
    ///
    /// # Errors
    ///
    /// A [`rustls::Error`] if the crypto library offers no usable protocol version.
    pub fn new(defaults: TlsDefaults) -> Result<Self, rustls::Error> {
        let roots = defaults.roots.as_ref().map_or_else(roots::built_in, TlsRoots::store);
        let full = profile::plain_config(Some(Arc::clone(&roots)))?;
        let off = profile::plain_config(None)?;
        Ok(Self(Arc::new(Defaults { roots, said: defaults, full: connector(full), off: connector(off) })))
    }

    /// The handshake of one connection.
    pub(super) async fn handshake(&self, to: &TlsTo, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = server_name(&to.name).ok_or_else(|| io::Error::other("not a name that TLS can check"))?;
        self.connector(&to.profile).map_err(io::Error::other)?.connect(name, tcp).await
    }

    fn connector(&self, profile: &TlsProfile) -> Result<TlsConnector, rustls::Error> {
        match profile.fixed() {
            Some(TlsVerify::Full) => Ok(self.0.full.clone()),
            Some(TlsVerify::Off) => Ok(self.0.off.clone()),
            None => profile.connector(&self.0.roots, &self.0.said),
        }
    }
}

fn connector(config: ClientConfig) -> TlsConnector {
    TlsConnector::from(Arc::new(config))
}

/// A name or an address; a dot at the end of a name says nothing to TLS (RFC 6066 section 3).
fn server_name(name: &str) -> Option<ServerName<'static>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(name.to_owned()).ok()
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}
