//! From settings to whose components run here, and where they are fetched from.

use super::AppError;
use crate::client::Fetcher;
use crate::config::{PluginSettings, PluginSignatures};
use crate::plugin_host::{SignaturePolicy, Trust, TrustedKey};
use crate::registry::{Puller, Registry, RegistrySettings};

pub(super) fn trust(settings: &PluginSettings) -> Result<Trust, AppError> {
    let policy = match settings.sources.signatures {
        PluginSignatures::Off => SignaturePolicy::Off,
        PluginSignatures::Warn => SignaturePolicy::Warn,
        PluginSignatures::Require => SignaturePolicy::Require,
    };
    let read = |(name, text): &(String, String)| {
        TrustedKey::read(text)
            .map_err(|error| AppError::Plugins(format!("plugin_trusted_keys: {name}: {error}")))
    };
    let keys = settings.sources.trusted_keys.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Trust::new(policy, keys))
}

pub(super) fn puller(settings: &PluginSettings, fetcher: Fetcher) -> Puller {
    let registries = settings.sources.registries.iter();
    let allowed = registries.map(|(host, plain)| Registry { host: host.clone(), plain: *plain });
    let settings = RegistrySettings {
        allowed: allowed.collect(),
        credentials: settings.sources.registry_credentials.clone(),
        max_bytes: settings.component_max_size,
    };
    Puller::new(fetcher, settings)
}
