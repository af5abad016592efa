//! Whose requests are counted together.

use weir_plugin_sdk::{Input, InputList, Inputs, Slot};

/// Where the caller's identifier is found.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Tried in order.
    slots: Vec<Slot>,
    address: Slot,
}

impl Caller {
    /// The first of these that a request has, or else the client's address.
    pub fn by(wanted: impl IntoIterator<Item = Input>, inputs: &mut InputList) -> Self {
        let slots = wanted.into_iter().map(|input| inputs.want(input)).collect();
        Self { slots, address: inputs.want(Input::ClientIp) }
    }

    /// By consumer. A credential without one still tells callers apart.
    pub fn by_consumer(inputs: &mut InputList) -> Self {
        Self::by([Input::ConsumerId, Input::CredentialId], inputs)
    }

    /// The identifier for one request.
    pub fn of<'a>(&self, inputs: &'a Inputs) -> &'a str {
        let found = self.slots.iter().find_map(|slot| inputs.text(*slot));
        found.or_else(|| inputs.text(self.address)).unwrap_or_default()
    }
}
