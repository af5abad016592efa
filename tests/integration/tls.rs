//! TLS towards clients: certificates by name and by kind of key, rotation, resumption, both versions of HTTP.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gateway_tests::{Client, Gateway, Http2Client, Issued, Upstream, upload};
use http::Method;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, SignatureAlgorithm};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, SignatureScheme};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::setup::{PATIENCE, gateway, serve};

/// Takes whatever certificate it is shown, and says which signatures it wants.
#[derive(Debug)]
struct Anything(Vec<SignatureScheme>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

const ECDSA: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;
const RSA: SignatureScheme = SignatureScheme::RSA_PSS_SHA256;

/// A client that wants these versions, signatures and protocols.
fn client(
    versions: &[&'static rustls::SupportedProtocolVersion],
    schemes: &[SignatureScheme],
    alpn: &[&str],
) -> anyhow::Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let mut config = builder
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(schemes.to_vec())))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}

/// Shows a certificate whatever is asked for, and signs with its key, even if that is another's.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A client that shows a certificate.
pub(crate) fn showing(shown: &Issued) -> anyhow::Result<Arc<ClientConfig>> {
    let chain = vec![CertificateDer::from_pem_slice(shown.chain.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes())?;
    let shown = CertifiedKey::new(chain, aws_lc_rs::sign::any_supported_type(&key)?);
    let mut config = ClientConfig::clone(&*usual(&["http/1.1"])?);
    config.client_auth_cert_resolver = Arc::new(Shows(Arc::new(shown)));
    Ok(Arc::new(config))
}

pub(crate) fn usual(alpn: &[&str]) -> anyhow::Result<Arc<ClientConfig>> {
    client(rustls::ALL_VERSIONS, &[ECDSA, RSA], alpn)
}

async fn connect(
    gateway: &Gateway,
    name: &str,
    config: &Arc<ClientConfig>,
) -> anyhow::Result<TlsStream<TcpStream>> {
    handshake(TcpStream::connect(gateway.beside).await?, name, config).await
}

/// A handshake on a connection that is there.
pub(crate) async fn handshake(
    tcp: TcpStream,
    name: &str,
    config: &Arc<ClientConfig>,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned())?;
    Ok(TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?)
}

/// The certificate that a client is shown.
async fn shown(gateway: &Gateway, name: &str, config: &Arc<ClientConfig>) -> anyhow::Result<Vec<u8>> {
    let stream = connect(gateway, name, config).await?;
    let certificates = stream.get_ref().1.peer_certificates().context("a certificate")?;
    Ok(certificates.first().context("one")?.to_vec())
}

/// One request over HTTP/1.1.
pub(crate) async fn get(stream: &mut TlsStream<TcpStream>, path: &str, host: &str) -> anyhow::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    let whole = |answer: &[u8]| answer.ends_with(b"ok") || answer.ends_with(b"\n}");
    while !whole(&answer) && tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await?? > 0 {}
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

struct Made {
    der: Vec<u8>,
    cert: String,
    key: String,
}

fn made(name: &str, kind: &'static SignatureAlgorithm) -> anyhow::Result<Made> {
    let key = KeyPair::generate_for(kind)?;
    let certificate = CertificateParams::new(vec![name.to_owned()])?.self_signed(&key)?;
    Ok(Made { der: certificate.der().to_vec(), cert: certificate.pem(), key: key.serialize_pem() })
}

fn ecdsa(name: &str) -> anyhow::Result<Made> {
    made(name, &PKCS_ECDSA_P256_SHA256)
}

/// Writes a certificate for names, and waits until it is shown.
async fn write(gateway: &Gateway, id: &str, made: &Made, names: &[&str]) -> anyhow::Result<()> {
    let body = json!({ "cert": made.cert, "key": made.key, "snis": names });
    gateway.apply(Method::PUT, &format!("/certificates/{id}"), &body).await?;
    let config = usual(&[])?;
    let name = names.first().context("a name")?.replace('*', "x");
    let live = || async { shown(gateway, &name, &config).await.is_ok_and(|shown| shown == made.der) };
    gateway_tests::eventually("the certificate is live", PATIENCE, live).await.map(drop)
}

const ONE: &str = "5a0a1c3c-2b2e-4f7c-9d3e-000000000001";
const TWO: &str = "5a0a1c3c-2b2e-4f7c-9d3e-000000000002";

#[tokio::test]
async fn both_versions_of_http_are_spoken_and_told_of() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().beside("http2 ssl").set("WEIR_PROXY_ACCESS_LOG", "access.log").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    gateway.apply(Method::PATCH, "/routes/a", &json!({ "protocols": ["https"] })).await?;
    gateway.wait_for("TLS alone", PATIENCE, "/a", |answer| answer.status == 426).await?;
    let port = gateway.beside.port().to_string();
    for (case, alpn, version) in
        [("none", &[][..], 1), ("http/1.1", &["http/1.1"], 1), ("h2", &["h2", "http/1.1"], 2)]
    {
        let mut stream = connect(&gateway, "a.example", &usual(alpn)?).await?;
        if version == 1 {
            let answer = get(&mut stream, "/a", "a.example").await?;
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{case}: {answer}");
        } else {
            let mut client = Http2Client::over(stream, "https://a.example").await?;
            assert_eq!(client.get("/a", &[]).await?.text(), "ok", "{case}");
        }
        let seen = upstream.seen().pop().context("it was sent on")?;
        let header =
            |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(
            [header("x-forwarded-proto"), header("x-forwarded-port"), header("x-forwarded-host")],
            ["https", &port, "a.example"],
            "{case}"
        );
    }
    let refused = connect(&gateway, "a.example", &usual(&["spdy/1"])?).await;
    assert!(refused.is_err(), "no protocol in common");
    let log = gateway.prefix().join("access.log");
    let logged = || async {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains(r#""tls":"TLSv1.3","cipher":"TLS_AES_"#))
    };
    gateway_tests::eventually("it is logged", PATIENCE, logged).await?;
    let mut plain = TcpStream::connect(gateway.beside).await?;
    plain.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let mut rest = Vec::new();
    _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut rest)).await?;
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.starts_with("HTTP/1.1 400 "), "nothing is served without TLS: {rest}");
    assert!(rest.contains("<center>The plain HTTP request was sent to HTTPS port</center>"), "{rest}");
    let metrics = Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
    let counted = |outcome: &str, protocol: &str| {
        let name = format!(r#"weir_tls_handshakes_total{{outcome="{outcome}",protocol="{protocol}"}} "#);
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
    };
    let found = [("done", "TLSv1.3"), ("done", "TLSv1.2"), ("failed", ""), ("late", ""), ("plain", "")]
        .map(|(outcome, protocol)| counted(outcome, protocol));
    assert_eq!(found, [3, 0, 1, 0, 1], "{metrics}");
    Ok(())
}

#[tokio::test]
async fn certificates_follow_names_and_changes_touch_no_connection() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let (own, one, two) = (ecdsa("own")?, ecdsa("one")?, ecdsa("two")?);
    let folder = tempfile::tempdir()?;
    let (cert, key) = (folder.path().join("own.crt"), folder.path().join("own.key"));
    std::fs::write(&cert, &own.cert)?;
    std::fs::write(&key, &own.key)?;
    let gateway = gateway()
        .beside("http2 ssl")
        .set("WEIR_SSL_CERT", cert.to_string_lossy())
        .set("WEIR_SSL_CERT_KEY", key.to_string_lossy())
        .start()
        .await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let config = usual(&[])?;
    assert_eq!(shown(&gateway, "a.example.com", &config).await?, own.der, "the node's own");
    write(&gateway, ONE, &one, &["a.example.com", "*.example.org"]).await?;
    write(&gateway, TWO, &two, &["*.example.com"]).await?;
    for (name, want) in [
        ("a.example.com", &one),
        ("A.EXAMPLE.com", &one),
        ("b.example.com", &two),
        ("b.example.org", &one),
        ("c.b.example.com", &own),
        ("example.com", &own),
        ("127.0.0.1", &own),
    ] {
        assert_eq!(shown(&gateway, name, &config).await?, want.der, "{name}");
    }
    let mut open = connect(&gateway, "a.example.com", &config).await?;
    assert!(get(&mut open, "/a", "a").await?.starts_with("HTTP/1.1 200"));
    let next = ecdsa("next")?;
    write(&gateway, ONE, &next, &["a.example.com"]).await?;
    assert!(get(&mut open, "/a", "a").await?.starts_with("HTTP/1.1 200"), "an open connection goes on");
    let gone =
        || async { shown(&gateway, "b.example.org", &config).await.is_ok_and(|shown| shown == own.der) };
    gateway_tests::eventually("a name that is gone", PATIENCE, gone).await?;
    gateway.apply(Method::DELETE, &format!("/certificates/{ONE}"), &Value::Null).await?;
    let gone =
        || async { shown(&gateway, "a.example.com", &config).await.is_ok_and(|shown| shown == two.der) };
    gateway_tests::eventually("a certificate that is gone", PATIENCE, gone).await?;
    Ok(())
}

#[tokio::test]
async fn the_kind_of_key_is_the_clients_choice() -> anyhow::Result<()> {
    let gateway = gateway().beside("ssl").start().await?;
    let (rsa, ecdsa) = (made("a", &rcgen::PKCS_RSA_SHA256)?, ecdsa("a")?);
    let body = json!({ "cert": rsa.cert, "key": rsa.key, "cert_alt": ecdsa.cert, "key_alt": ecdsa.key, "snis": ["a.b"] });
    gateway.apply(Method::POST, "/certificates", &body).await?;
    let both = usual(&[])?;
    let live = || async { shown(&gateway, "a.b", &both).await.is_ok_and(|shown| shown == rsa.der) };
    gateway_tests::eventually("it is live", PATIENCE, live).await?;
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let only = |scheme| client(versions, &[scheme], &[]);
        assert_eq!(shown(&gateway, "a.b", &only(RSA)?).await?, rsa.der, "{versions:?}");
        assert_eq!(shown(&gateway, "a.b", &only(ECDSA)?).await?, ecdsa.der, "{versions:?}");
    }
    Ok(())
}

/// Which of so many connections in a row take a session up again.
async fn resumptions(
    gateway: &Gateway,
    config: &Arc<ClientConfig>,
    connections: usize,
) -> anyhow::Result<Vec<bool>> {
    let mut resumed = Vec::new();
    for _ in 0..connections {
        let mut stream = connect(gateway, "a.b", config).await?;
        let answer = get(&mut stream, "/nowhere", "a").await?;
        anyhow::ensure!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        resumed.push(stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed));
    }
    Ok(resumed)
}

#[tokio::test]
async fn sessions_are_taken_up_again_on_every_worker_unless_that_is_off() -> anyhow::Result<()> {
    let (on, off) = (gateway().beside("ssl"), gateway().beside("ssl").set("WEIR_SSL_SESSION_TICKETS", "off"));
    for (gateway, want) in [(on.start().await?, true), (off.start().await?, false)] {
        for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
            let config = client(&[version], &[ECDSA], &[])?;
            let resumed = resumptions(&gateway, &config, 12).await?;
            let after_the_first: Vec<_> = resumed.into_iter().skip(1).collect();
            assert_eq!(after_the_first, vec![want; 11], "{version:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn old_protocols_are_refused_and_the_set_of_ciphers_is_the_operators() -> anyhow::Result<()> {
    let only_13 = gateway().beside("ssl").set("WEIR_SSL_PROTOCOLS", "TLSv1.3").start().await?;
    let fips = gateway().beside("ssl").set("WEIR_SSL_CIPHER_SUITE", "fips").start().await?;
    let tls12 = client(&[&rustls::version::TLS12], &[ECDSA], &[])?;
    assert!(connect(&only_13, "a.b", &tls12).await.is_err());
    assert!(connect(&only_13, "a.b", &usual(&[])?).await.is_ok());
    assert!(connect(&fips, "a.b", &tls12).await.is_ok());
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| format!("{suite:?}").contains("CHACHA20"));
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(vec![ECDSA])))
        .with_no_client_auth();
    let config = Arc::new(config);
    assert!(connect(&fips, "a.b", &config).await.is_err(), "ChaCha20 is not among those of FIPS");
    assert!(connect(&only_13, "a.b", &config).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_handshake_has_its_time_and_holds_up_nobody() -> anyhow::Result<()> {
    let gateway = gateway().beside("ssl").set("WEIR_WORKERS", "1").start().await?;
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(gateway.beside).await?;
        stream.write_all(&[22, 3, 1, 2, 0, 1]).await?;
        silent.push(stream);
    }
    let mut stream = connect(&gateway, "a.b", &usual(&[])?).await?;
    assert!(get(&mut stream, "/nowhere", "a").await?.starts_with("HTTP/1.1 404"));
    for mut stream in silent {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(40), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it is closed");
    }
    Ok(())
}

#[tokio::test]
async fn a_drain_over_tls_loses_nothing() -> anyhow::Result<()> {
    let upstream =
        Upstream::taking(Duration::from_millis(1200), |_| http::Response::new("ok".into())).await?;
    let mut gateway = gateway().beside("http2 ssl").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let stream = connect(&gateway, "a.b", &usual(&["h2"])?).await?;
    let mut http2 = Http2Client::over(stream, "https://a.b").await?;
    let mut http1 = connect(&gateway, "a.b", &usual(&[])?).await?;
    let one = tokio::spawn(async move { http2.send(Method::POST, "/a", &[], upload("x")).await });
    let two = tokio::spawn(async move { get(&mut http1, "/a", "a").await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    gateway.signal("TERM")?;
    assert_eq!(one.await??.0.text(), "ok");
    assert!(two.await??.starts_with("HTTP/1.1 200"));
    assert!(gateway.ended(PATIENCE).await?.success());
    Ok(())
}
