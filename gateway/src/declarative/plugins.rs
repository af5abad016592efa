//! The rules of each plugin that an assignment may name.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::model::schema::{SchemaFault, plugin_rules};
use crate::model::{Admitted, CustomPlugin, Document, Kind, Variant, kind};

/// The rules of assignments by the name of their plugin.
#[derive(Debug, Default)]
pub struct PluginRules {
    known: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    kind: Kind,
    upload: Option<Uuid>,
}

/// The rules that hold for one assignment.
pub(super) struct Ruling<'a> {
    pub(super) kind: &'a Kind,
    /// The document of the upload that it runs; `None` for a plugin of the binary.
    pub(super) upload: Option<Uuid>,
}

impl PluginRules {
    /// Adds a plugin of the binary.
    ///
    /// # Errors
    ///
    /// Its schema cannot be used.
    pub fn add_bundled(&mut self, admitted: &Admitted) -> Result<(), SchemaFault> {
        let version = &admitted.version;
        let rules = plugin_rules(&version.config_schema, version.authenticates)?;
        self.add(&admitted.name, &rules, None);
        Ok(())
    }

    /// Adds a plugin of the binary by rules that were made before.
    pub fn add_rules(&mut self, name: &str, rules: &Arc<Variant>) {
        self.add(name, rules, None);
    }

    /// Adds what was uploaded. One that cannot be read is nothing that could be assigned.
    pub fn add_uploads(&mut self, documents: &[Document]) {
        for document in documents {
            let custom: Result<CustomPlugin, _> = serde_json::from_value(Value::Object(document.clone()));
            let Ok(custom) = custom else { continue };
            let Some(active) = custom.active() else { continue };
            if let Ok(rules) = plugin_rules(&active.config_schema, active.authenticates) {
                self.add(&custom.name, &rules, Some(custom.id));
            }
        }
    }

    fn add(&mut self, name: &str, rules: &Variant, upload: Option<Uuid>) {
        if let Some(kind) = kind("plugins") {
            // A plugin of the binary is never hidden by an upload of its name.
            self.known.entry(name.to_owned()).or_insert_with(|| Known { kind: kind.with(rules), upload });
        }
    }

    pub(super) fn of(&self, name: &str) -> Option<Ruling<'_>> {
        self.known.get(name).map(|known| Ruling { kind: &known.kind, upload: known.upload })
    }
}
