//! Whose requests are counted together.

use weir_plugin_sdk::{Input, InputList, Inputs, Slot};

use crate::config::{Config, LimitBy};

/// Where the caller's identifier is found.
pub(crate) struct Caller {
    /// Only a request for exactly this path is counted by it.
    path: Option<(Slot, String)>,
    other: limits::Caller,
}

impl Caller {
    pub(crate) fn new(config: &Config, inputs: &mut InputList) -> Self {
        let other = match config.limit_by.unwrap_or(LimitBy::Consumer) {
            LimitBy::Consumer => limits::Caller::by_consumer(inputs),
            LimitBy::Credential => limits::Caller::by([Input::CredentialId], inputs),
            LimitBy::Service => limits::Caller::by([Input::ServiceId], inputs),
            LimitBy::Header => {
                let name = config.header_name.as_deref().unwrap_or_default();
                limits::Caller::by([Input::Header(name.to_ascii_lowercase())], inputs)
            }
            LimitBy::Ip | LimitBy::Path => limits::Caller::by([], inputs),
        };
        let path = config.path.clone().filter(|_| config.limit_by == Some(LimitBy::Path));
        Self { path: path.map(|path| (inputs.want(Input::Path), path)), other }
    }

    /// The identifier for one request.
    pub(crate) fn of<'a>(&'a self, inputs: &'a Inputs) -> &'a str {
        let by_path = self.path.as_ref().filter(|(slot, path)| inputs.text(*slot) == Some(path.as_str()));
        by_path.map_or_else(|| self.other.of(inputs), |(_, path)| path.as_str())
    }
}
