//! TLS as a server: one configuration for all connections, and the certificate of each by its name.

use std::fmt::Debug;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, GetRandomFailed, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::ticketer::TicketRotator;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{Accept, TlsAcceptor};

use super::{Pairs, suites};
use crate::config::{TlsSettings, TlsVersion};
use crate::exchange::TlsFacts;

/// A client's connection after its handshake.
pub type ServerStream<S> = tokio_rustls::server::TlsStream<S>;

const H2: &[u8] = b"h2";

/// Says which certificates there are for a name.
pub trait Find: Debug + Send + Sync {
    /// The certificates for a name, or for a client that gives none. Asked once a handshake, by the thread
    /// that makes it: it must not wait. `None` ends the handshake.
    fn find(&self, name: Option<&str>) -> Option<Arc<Pairs>>;
}

/// Makes handshakes as a server. Cheap to clone.
#[derive(Clone)]
pub struct Acceptor {
    http1: TlsAcceptor,
    http2: TlsAcceptor,
    any: TlsAcceptor,
}

impl Acceptor {
    /// Sets it up. Tickets of one acceptor and its clones are good for all of them.
    ///
    /// # Errors
    ///
    /// A [`rustls::Error`] if the protocols and the ciphers leave nothing to speak.
    pub fn new(settings: &TlsSettings, find: Arc<dyn Find>) -> Result<Self, rustls::Error> {
        Self::with_clients(settings, find, None)
    }

    /// The same, asking clients for certificates if there are `authorities` in PEM that speak for them. Who
    /// shows none is let in; who shows one that nobody speaks for is not. Sessions are not taken up again
    /// then: a certificate is looked at each time.
    ///
    /// # Errors
    ///
    /// As [`Acceptor::new`], and if an authority is none.
    pub fn with_clients(
        settings: &TlsSettings,
        find: Arc<dyn Find>,
        authorities: Option<&[String]>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: suites::suites(&settings.cipher_suites),
            ..aws_lc_rs::default_provider()
        });
        let versions: Vec<&SupportedProtocolVersion> = settings
            .protocols
            .iter()
            .map(|version| match version {
                TlsVersion::Tls12 => &TLS12,
                TlsVersion::Tls13 => &TLS13,
            })
            .collect();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(&versions)?;
        let builder = match authorities {
            Some(authorities) => builder.with_client_cert_verifier(clients(authorities, provider)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Resolver(find)));
        // A store of sessions would be behind a lock that all threads share; tickets need none.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if settings.session_tickets && authorities.is_none() {
            config.ticketer = tickets(settings)?;
        } else {
            config.send_tls13_tickets = 0;
        }
        let any = config.clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
        let mut http2 = config.clone();
        http2.alpn_protocols.insert(0, H2.to_vec());
        let [http1, http2, any] = [config, http2, any].map(|config| TlsAcceptor::from(Arc::new(config)));
        Ok(Self { http1, http2, any })
    }

    /// Makes the handshake. It has no deadline of its own.
    pub fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, http2: bool) -> Accept<S> {
        if http2 { self.http2.accept(stream) } else { self.http1.accept(stream) }
    }

    /// The same for whatever protocol comes next: nothing is agreed on by ALPN.
    pub fn accept_any<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Accept<S> {
        self.any.accept(stream)
    }
}

impl Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

/// Looks at certificates of clients that have one.
fn clients(
    authorities: &[String],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for text in authorities {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let unfit = |error: rustls::pki_types::pem::Error| rustls::Error::General(error.to_string());
            roots.add(certificate.map_err(unfit)?)?;
        }
        if roots.len() == before {
            return Err(rustls::Error::General("a text holds no certificate".to_owned()));
        }
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.allow_unauthenticated().build();
    verifier.map_err(|error| rustls::Error::General(error.to_string()))
}

/// The certificate that a client has shown and has the key of, in DER.
pub fn client_certificate<S>(stream: &ServerStream<S>) -> Option<&[u8]> {
    let (_, session) = stream.get_ref();
    session.peer_certificates()?.first().map(|certificate| certificate.as_ref())
}

/// What a handshake has settled, and whether HTTP/2 is spoken.
pub fn settled<S>(stream: &ServerStream<S>) -> (TlsFacts, bool) {
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLSv1.3",
    };
    let cipher = session.negotiated_cipher_suite().map_or("unknown", suites::name);
    let server_name = session.server_name().map(Box::from);
    (TlsFacts { version, cipher, server_name }, session.alpn_protocol() == Some(H2))
}

#[derive(Debug)]
struct Resolver(Arc<dyn Find>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.find(hello.server_name())?.choose(hello.signature_schemes())
    }
}

/// Tickets whose key changes after the time that a session may be taken up again; the key before is good for
/// as long again.
fn tickets(settings: &TlsSettings) -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    let lifetime = u32::try_from(settings.session_timeout.as_secs()).unwrap_or(u32::MAX);
    let key = || {
        Ok(Box::new(Key(aws_lc_rs::Ticketer::new().map_err(|_| GetRandomFailed)?))
            as Box<dyn ProducesTickets>)
    };
    Ok(Arc::new(TicketRotator::new(lifetime, key)?))
}

/// One key for tickets.
#[derive(Debug)]
struct Key(Arc<dyn ProducesTickets>);

impl ProducesTickets for Key {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(cipher)
    }
}
