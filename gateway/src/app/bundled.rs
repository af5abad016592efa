//! What the plugins of the binary say of themselves, for commands that check configurations.

use tokio::runtime::Handle;

use super::control::plugin_host;
use super::{AppError, components};
use crate::client::{Connect, Fetcher, Tls, TlsDefaults};
use crate::config::Settings;
use crate::identity::Identity;
use crate::model::Admitted;
use crate::shared::SharedState;
use crate::store::{Store, StoreSettings};

/// Loads the plugins of the binary, which are compiled at the first time below the prefix, and asks
/// each for its description. Must be called in a runtime.
///
/// # Errors
///
/// [`AppError`] if the plugin host cannot start or a plugin does not load.
pub async fn describe_bundled(settings: &Settings) -> Result<Vec<Admitted>, AppError> {
    std::fs::create_dir_all(&settings.prefix).map_err(AppError::system("the prefix cannot be made"))?;
    let identity = Identity::new(Store::connect(&StoreSettings::Memory).await?);
    let shared = SharedState::new(None, None, Handle::current());
    let shared = shared.map_err(|error| AppError::Plugins(error.to_string()))?;
    let fetcher = Fetcher::new(Connect::new(Tls::new(TlsDefaults::default())?), Handle::current());
    let host = plugin_host(settings, &identity, fetcher, shared)?;
    components::bundled(&host).await
}
