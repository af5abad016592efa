//! Values out of vaults in a configuration: put there for the plugin, and for nobody else to see.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::secrets::redact;
use super::{AssignmentSpec, GrantedValues};
use crate::model::{self, schema};
use crate::vault::{VaultError, Vaults};

/// How a reference begins, wherever it stands in a text.
pub(super) const REFERENCE: &str = "{vault://";

/// Values that are never shown.
#[derive(Clone, Default)]
pub struct Hidden(Arc<[SecretString]>);

impl Hidden {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a mark in place of every value.
    pub fn redact(&self, text: &mut String) {
        self.0.iter().for_each(|value| redact(value.expose_secret(), text));
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|value| value.expose_secret())
    }
}

impl PartialEq for Hidden {
    fn eq(&self, other: &Self) -> bool {
        self.texts().eq(other.texts())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hidden", self.0.len())
    }
}

impl AssignmentSpec {
    /// Whether the configuration or a grant may hold a reference.
    pub fn has_references(&self) -> bool {
        self.config_json.contains(REFERENCE) || self.granted_references().next().is_some()
    }

    /// Puts values in the place of references, in the fields of which `schema` says that they may hold
    /// one, and finds those of the secrets that are granted. Adds the references to `used`. May read files, and then
    /// blocks.
    ///
    /// # Errors
    ///
    /// Why the first of them has no value; the configuration stays as it was.
    pub fn resolve(
        &mut self,
        schema: &Value,
        vaults: &Vaults,
        used: &mut Vec<String>,
    ) -> Result<(), VaultError> {
        self.granted = GrantedValues::of(self, vaults, used)?;
        let (Ok(rules), Ok(mut config)) =
            (schema::from_json_schema(schema), serde_json::from_str::<Value>(&self.config_json))
        else {
            // What is wrong with it is said by who checks it.
            return Ok(());
        };
        let mut values = Vec::new();
        model::for_each_reference(&rules, &mut config, &mut |text| {
            used.push(text.clone());
            let value = vaults.resolve(text)?;
            value.expose_secret().clone_into(text);
            values.push(value);
            Ok(())
        })?;
        self.config_json = config.to_string();
        self.hidden = Hidden(values.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::vault::Places;

    #[test]
    fn values_come_in_and_stay_hidden() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hunter22").unwrap();
        let vaults = Vaults::new(Places { files: [folder.path().to_owned()].into(), ..Places::default() });
        let schema = json!({ "type": "object", "properties": {
            "token": { "type": "string", "x-referenceable": true }, "note": { "type": "string" } } });
        let config = json!({ "token": "{vault://file/token}", "note": "{vault://file/token}" });
        let mut spec = AssignmentSpec::new(Uuid::nil(), config.to_string());
        let before = spec.clone();
        let mut used = Vec::new();
        spec.resolve(&schema, &vaults, &mut used).unwrap();
        let resolved: Value = serde_json::from_str(&spec.config_json).unwrap();
        assert_eq!(resolved, json!({ "token": "hunter22", "note": "{vault://file/token}" }));
        assert_eq!(used, ["{vault://file/token}"]);
        assert_ne!(spec, before);
        let mut line = "the token hunter22 is wrong".to_owned();
        spec.hidden.redact(&mut line);
        assert_eq!(line, "the token [secret] is wrong");
        assert!(!format!("{:?}", spec.hidden).contains("hunter22"));
        let mut broken = AssignmentSpec::new(Uuid::nil(), r#"{"token":"{vault://file/none}"}"#);
        let refused = broken.resolve(&schema, &vaults, &mut used).unwrap_err();
        assert!(refused.to_string().contains("{vault://file/none} cannot be resolved"), "{refused}");
        assert_eq!(used.len(), 2, "asked for again later");
    }
}
