//! From settings to TLS for outgoing connections.

use secrecy::ExposeSecret as _;

use super::AppError;
use crate::client::{Tls, TlsDefaults, TlsIdentity, TlsMaterialError, TlsRoots, TlsVerify};
use crate::config::UpstreamTls;

pub(super) fn tls(settings: &UpstreamTls) -> Result<Tls, AppError> {
    let wrong = |setting| move |source: TlsMaterialError| AppError::Certificate { setting, source };
    let roots = match settings.trusted.as_slice() {
        [] => {
            tracing::info!("the system has no list of authorities: those that are built in are trusted");
            None
        }
        texts => Some(
            TlsRoots::from_pem(texts.iter().map(String::as_str))
                .map_err(wrong("lua_ssl_trusted_certificate"))?,
        ),
    };
    let shown = settings.certificate.as_ref();
    let identity = shown.map(|(chain, key)| TlsIdentity::from_pem(chain, key.expose_secret()));
    let defaults = TlsDefaults {
        roots,
        verify: if settings.verify { TlsVerify::Full } else { TlsVerify::Off },
        depth: u8::try_from(settings.depth).unwrap_or(u8::MAX),
        identity: identity.transpose().map_err(wrong("client_ssl_cert"))?,
    };
    Ok(Tls::new(defaults)?)
}
