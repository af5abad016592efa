//! Whether an upstream's certificate is good enough.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

fn algorithms() -> WebPkiSupportedAlgorithms {
    aws_lc_rs::default_provider().signature_verification_algorithms
}

/// Checks the chain up to a root, its length, and the name. rustls' own verifier has no say on the length.
#[derive(Debug)]
pub(super) struct UpToDepth {
    roots: Arc<RootCertStore>,
    depth: u8,
    algorithms: WebPkiSupportedAlgorithms,
}

impl UpToDepth {
    /// `depth` counts the certificates between the upstream's own and the root, as OpenSSL does.
    pub(super) fn new(roots: Arc<RootCertStore>, depth: u8) -> Self {
        Self { roots, depth, algorithms: algorithms() }
    }
}

impl ServerCertVerifier for UpToDepth {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = EndEntityCert::try_from(end_entity).map_err(refused)?;
        let is_short = |path: &VerifiedPath<'_>| {
            if path.intermediate_certificates().count() > usize::from(self.depth) {
                return Err(webpki::Error::MaximumPathDepthExceeded);
            }
            Ok(())
        };
        certificate
            .verify_for_usage(
                self.algorithms.all,
                &self.roots.roots,
                intermediates,
                now,
                KeyUsage::server_auth(),
                None,
                Some(&is_short),
            )
            .map_err(refused)?;
        certificate.verify_is_valid_for_subject_name(server_name).map_err(refused)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The alert that the upstream gets depends on the kind.
fn refused(error: webpki::Error) -> rustls::Error {
    use webpki::Error as Found;
    let kind = if let Found::UnknownIssuer = error {
        CertificateError::UnknownIssuer
    } else if let Found::CertExpired { time, not_after } = error {
        CertificateError::ExpiredContext { time, not_after }
    } else if let Found::CertNotValidYet { time, not_before } = error {
        CertificateError::NotValidYetContext { time, not_before }
    } else if let Found::CertNotValidForName(names) = error {
        CertificateError::NotValidForNameContext { expected: names.expected, presented: names.presented }
    } else if let Found::BadDer | Found::BadDerTime = error {
        CertificateError::BadEncoding
    } else {
        CertificateError::Other(OtherError(Arc::new(error)))
    };
    rustls::Error::InvalidCertificate(kind)
}

/// Accepts any certificate, but still checks that the other side holds its key.
#[derive(Debug)]
pub(super) struct Unchecked(WebPkiSupportedAlgorithms);

impl Unchecked {
    pub(super) fn new() -> Self {
        Self(algorithms())
    }
}

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
