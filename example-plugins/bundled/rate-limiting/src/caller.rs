//! Whose requests are counted together.

use weir_plugin_sdk::{Input, InputList, Inputs, Slot};

use crate::config::{Config, LimitBy};

/// Where the caller's identifier is found. Every kind but `ip` falls back to the client's address.
pub(crate) struct Caller {
    /// Tried in order.
    slots: Vec<Slot>,
    /// Only a request for exactly this path is counted by it.
    path: Option<(Slot, String)>,
    address: Slot,
}

impl Caller {
    pub(crate) fn new(config: &Config, inputs: &mut InputList) -> Self {
        let wanted = match config.limit_by.unwrap_or(LimitBy::Consumer) {
            // A credential without a consumer still tells callers apart.
            LimitBy::Consumer => vec![Input::ConsumerId, Input::CredentialId],
            LimitBy::Credential => vec![Input::CredentialId],
            LimitBy::Service => vec![Input::ServiceId],
            LimitBy::Header => {
                let name = config.header_name.as_deref().unwrap_or_default();
                vec![Input::Header(name.to_ascii_lowercase())]
            }
            LimitBy::Ip | LimitBy::Path => Vec::new(),
        };
        let path = config.path.clone().filter(|_| config.limit_by == Some(LimitBy::Path));
        Self {
            slots: wanted.into_iter().map(|input| inputs.want(input)).collect(),
            path: path.map(|path| (inputs.want(Input::Path), path)),
            address: inputs.want(Input::ClientIp),
        }
    }

    /// The identifier for one request.
    pub(crate) fn of<'a>(&'a self, inputs: &'a Inputs) -> &'a str {
        let by_path = self.path.as_ref().filter(|(slot, path)| inputs.text(*slot) == Some(path.as_str()));
        let by_path = by_path.map(|(_, path)| path.as_str());
        let found = by_path.or_else(|| self.slots.iter().find_map(|slot| inputs.text(*slot)));
        found.or_else(|| inputs.text(self.address)).unwrap_or_default()
    }
}
