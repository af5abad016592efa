//! What makes handshakes with clients: of the proxy, with the certificates of the snapshot, and of the Admin API.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::AppError;
use crate::config::Settings;
use crate::proxy::LiveCertificates;
use crate::snapshot::SnapshotHandle;
use crate::tls::{Acceptor, Find, PairError, Pairs, self_signed};

/// Of the proxy, if a listener wants them.
pub(super) fn of_proxy(
    settings: &Settings,
    snapshots: &SnapshotHandle,
) -> Result<Option<Acceptor>, AppError> {
    let mut listeners = settings.proxy_listen.iter().chain(&settings.stream_listen);
    if !listeners.any(|listener| listener.speaks.tls) {
        return Ok(None);
    }
    let own = Arc::new(pairs(settings, &settings.tls.certificates, "ssl_cert")?);
    acceptor(settings, Arc::new(LiveCertificates::new(snapshots.clone(), own))).map(Some)
}

/// Of the Admin API, if a listener wants them.
pub(super) fn of_admin(settings: &Settings) -> Result<Option<Acceptor>, AppError> {
    if !settings.admin_listen.iter().any(|listener| listener.speaks.tls) {
        return Ok(None);
    }
    let own = pairs(settings, &settings.tls.admin_certificates, "admin_ssl_cert")?;
    let authorities = &settings.tls.admin_client_authorities;
    let authorities = settings.access.proofs.certificate.then_some(authorities.as_slice());
    let acceptor = Acceptor::with_clients(&settings.tls, Arc::new(Same(Arc::new(own))), authorities);
    let acceptor = acceptor.map_err(|error| AppError::Certificates(format!("of the Admin API: {error}")));
    acceptor.map(Some)
}

fn acceptor(settings: &Settings, find: Arc<dyn Find>) -> Result<Acceptor, AppError> {
    Acceptor::new(&settings.tls, find).map_err(|error| AppError::Certificates(error.to_string()))
}

/// The same certificates whatever the client asks for.
#[derive(Debug)]
struct Same(Arc<Pairs>);

impl Find for Same {
    fn find(&self, _name: Option<&str>) -> Option<Arc<Pairs>> {
        Some(Arc::clone(&self.0))
    }
}

/// Those of the operator, or one that nobody vouches for.
fn pairs(
    settings: &Settings,
    given: &[(String, SecretString)],
    setting: &'static str,
) -> Result<Pairs, AppError> {
    let unfit = |error: PairError| AppError::Certificates(format!("{setting} and {setting}_key: {error}"));
    if !given.is_empty() {
        let pairs = given.iter().map(|(chain, key)| (chain.as_str(), key.expose_secret()));
        return Pairs::read(pairs).map_err(unfit);
    }
    let made = self_signed::at(&settings.prefix.join("ssl"))
        .map_err(AppError::system("the default certificate cannot be made"))?;
    Pairs::read([(made.certificate.as_str(), made.key.as_str())]).map_err(unfit)
}
