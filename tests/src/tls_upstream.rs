//! An upstream that speaks TLS, and remembers how it was spoken to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::{Authority, Issued};

/// One handshake that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The name that was asked for.
    pub sni: Option<String>,
    /// The certificate that the client showed, in DER.
    pub certificate: Option<Vec<u8>>,
    /// Whether it took up an earlier session.
    pub resumed: bool,
    /// The protocol that was agreed on.
    pub alpn: Option<String>,
}

/// A running upstream; stops when dropped. It answers every request with its Host.
pub struct TlsUpstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Handshake>>>,
    task: JoinHandle<()>,
}

impl TlsUpstream {
    /// Shows `identity`; with `clients`, asks for certificates and takes those of that authority.
    ///
    /// # Errors
    ///
    /// If the certificate is of no use or no port can be bound.
    pub async fn start(identity: &Issued, clients: Option<&Authority>) -> anyhow::Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(config(identity, clients)?));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, acceptor.clone(), Arc::clone(&log)));
            }
        });
        Ok(Self { address, seen, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All handshakes so far, the oldest first.
    pub fn handshakes(&self) -> Vec<Handshake> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TlsUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The first certificate of a text in PEM, in DER.
///
/// # Errors
///
/// If there is none.
pub fn der(pem: &str) -> anyhow::Result<Vec<u8>> {
    Ok(CertificateDer::from_pem_slice(pem.as_bytes()).context("a certificate")?.to_vec())
}

fn config(identity: &Issued, clients: Option<&Authority>) -> anyhow::Result<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from(der(authority.pem())?))?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build()?)
        }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(identity.chain.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).context("a key")?;
    let mut config = builder.with_single_cert(chain.context("a chain")?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, log: Arc<Mutex<Vec<Handshake>>>) {
    // Handshakes that fail are what some tests are about.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let tls = stream.get_ref().1;
    let alpn = tls.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    let speaks_http2 = alpn.as_deref() == Some("h2");
    let handshake = Handshake {
        sni: tls.server_name().map(str::to_owned),
        certificate: tls.peer_certificates().and_then(<[_]>::first).map(|der| der.to_vec()),
        resumed: tls.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        alpn,
    };
    log.lock().unwrap_or_else(PoisonError::into_inner).push(handshake);
    if speaks_http2 {
        let http = http2::Builder::new(TokioExecutor::new());
        _ = http.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
    } else {
        _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let host = request.headers().get(http::header::HOST).map(|host| Bytes::copy_from_slice(host.as_bytes()));
    let authority = request.uri().authority().map(|name| Bytes::copy_from_slice(name.as_str().as_bytes()));
    Ok(Response::new(Full::new(authority.or(host).unwrap_or_default())))
}
