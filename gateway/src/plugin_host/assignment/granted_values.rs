//! Values of the secrets that a grant names, as the vaults of this node have them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::AssignmentSpec;
use crate::vault::{VaultError, Vaults};

/// By reference: the value, or why there is none.
#[derive(Clone, Default)]
pub struct GrantedValues(Arc<BTreeMap<String, Result<SecretString, String>>>);

impl GrantedValues {
    /// Looks every reference up. May read files, and then blocks.
    ///
    /// # Errors
    ///
    /// Only for a value that was there once, and whose time is over: who has it must give it back.
    pub(super) fn of(
        spec: &AssignmentSpec,
        vaults: &Vaults,
        used: &mut Vec<String>,
    ) -> Result<Self, VaultError> {
        let mut found = BTreeMap::new();
        for reference in spec.granted_references() {
            used.push(reference.to_owned());
            let value = match vaults.resolve(reference) {
                Ok(value) => Ok(value),
                Err(error) if error.expired => return Err(error),
                Err(error) => Err(error.reason),
            };
            found.insert(reference.to_owned(), value);
        }
        Ok(Self(Arc::new(found)))
    }

    /// What is known of a reference; `None` if nobody has asked.
    pub(super) fn get(&self, reference: &str) -> Option<Result<&[u8], &str>> {
        let known = self.0.get(reference)?;
        Some(known.as_ref().map(|value| value.expose_secret().as_bytes()).map_err(String::as_str))
    }

    /// Each reference with its value, for a key that tells one set of values from another.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(reference, value)| {
            let value = value.as_ref().map_or("", |value| value.expose_secret());
            (reference.as_str(), value)
        })
    }
}

impl PartialEq for GrantedValues {
    fn eq(&self, other: &Self) -> bool {
        self.texts().eq(other.texts())
    }
}

impl fmt::Debug for GrantedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl AssignmentSpec {
    /// What `grants.secrets.names` says, of the plugin and of the assignment.
    pub(super) fn granted_references(&self) -> impl Iterator<Item = &str> {
        let names = [&self.defaults, &self.sandbox].map(|source| source.pointer("/grants/secrets/names"));
        let texts = names.into_iter().flatten().filter_map(Value::as_object).flat_map(|names| names.values());
        texts.filter_map(Value::as_str).filter(|text| text.starts_with(super::hidden::REFERENCE))
    }
}
