//! What an operator wants: a plugin with a configuration, and what it may do.

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{GrantedValues, Hidden};

/// Everything that makes an assignment what it is. Equal keys mean equal behaviour, so that a
/// reload can carry the old assignment over.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignmentSpec {
    /// Id of the row of `plugins`.
    pub id: Uuid,
    /// The configuration, validated, with its defaults filled in.
    pub config_json: String,
    /// `sandbox` of the row; null for none.
    pub sandbox: Value,
    /// What the entry in `custom_plugins` says: `grants`, `limits`, `on_failure`; null for none.
    pub defaults: Value,
    /// A plugin of the gateway itself is granted what it asks for.
    pub bundled: bool,
    /// In place of the plugin's own priority.
    pub priority: Option<i32>,
    /// Values in the configuration that came out of vaults.
    pub hidden: Hidden,
    /// Values of the secrets that are granted, as far as the vaults of this node have them.
    pub granted: GrantedValues,
}

impl AssignmentSpec {
    /// A spec with nothing but a configuration.
    pub fn new(id: Uuid, config_json: impl Into<String>) -> Self {
        Self {
            id,
            config_json: config_json.into(),
            sandbox: Value::Null,
            defaults: Value::Null,
            bundled: false,
            priority: None,
            hidden: Hidden::default(),
            granted: GrantedValues::default(),
        }
    }

    /// A key that is equal when the component, given by its digest, and the spec are.
    pub fn key(&self, digest: &str) -> String {
        // What is hidden is part of the configuration.
        let Self { id, config_json, sandbox, defaults, bundled, priority, hidden: _, granted } = self;
        let mut hash = Sha256::new();
        let rest = format!("{sandbox}\0{defaults}\0{bundled}\0{priority:?}");
        for part in [digest, &id.to_string(), config_json, &rest] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        for part in granted.texts().flat_map(|(reference, value)| [reference, value]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_tells_specs_apart() {
        let spec = AssignmentSpec::new(Uuid::nil(), "{}");
        let other = AssignmentSpec { priority: Some(1), ..spec.clone() };
        assert_eq!(spec.key("d"), spec.clone().key("d"));
        assert_ne!(spec.key("d"), other.key("d"), "priority");
        assert_ne!(spec.key("d"), spec.key("e"), "component");
    }
}
