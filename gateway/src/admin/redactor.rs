//! Hides secrets in entities of any kind, with the rules of the plugin that an assignment names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::plugins::custom_plugin;
use crate::model::{Document, Variant, kind, schema};
use crate::store::{Lookup, Store, StoreError};

/// Uploaded plugins whose rules are kept.
const MOST_KEPT: usize = 1_000;

/// Hides secrets.
#[derive(Default)]
pub(super) struct Redactor {
    bundled: HashMap<String, Arc<Variant>>,
    custom: Mutex<HashMap<String, Arc<Variant>>>,
}

impl Redactor {
    pub(super) fn new(bundled: HashMap<String, Arc<Variant>>) -> Self {
        Self { bundled, custom: Mutex::default() }
    }

    /// The entity without its secrets.
    pub(super) fn redact(&self, name: &str, entity: &Document) -> Document {
        let Some(found) = kind(name) else { return Document::new() };
        let rules = found.given_by().and_then(|field| self.rules(entity.get(field)?.as_str()?));
        found.redacted(entity, rules.as_deref())
    }

    /// Keeps the rules of an uploaded plugin.
    pub(super) fn keep(&self, plugin: &str, rules: &Arc<Variant>) {
        let mut custom = self.custom.lock().unwrap_or_else(PoisonError::into_inner);
        if custom.len() >= MOST_KEPT {
            custom.clear();
        }
        custom.insert(plugin.to_owned(), Arc::clone(rules));
    }

    /// Looks up the rules of the plugin that an assignment names, if nobody did yet.
    pub(super) async fn learn(&self, store: &Store, name: &str, entity: &Document) -> Result<(), StoreError> {
        let field = kind(name).and_then(crate::model::Kind::given_by);
        let Some(plugin) = field.and_then(|field| entity.get(field).and_then(Value::as_str)) else {
            return Ok(());
        };
        if self.rules(plugin).is_some() {
            return Ok(());
        }
        let found = store.find("custom_plugins", &Lookup::key("name", plugin)).await?;
        // What cannot be read has no rules, and then everything is hidden.
        let custom = found.and_then(|found| custom_plugin(found).ok());
        if let Some(active) = custom.as_ref().and_then(|custom| custom.active())
            && let Ok(rules) = schema::plugin_rules(&active.config_schema, active.authenticates)
        {
            self.keep(plugin, &Arc::new(rules));
        }
        Ok(())
    }

    fn rules(&self, plugin: &str) -> Option<Arc<Variant>> {
        let kept = || self.custom.lock().unwrap_or_else(PoisonError::into_inner).get(plugin).cloned();
        self.bundled.get(plugin).cloned().or_else(kept)
    }
}
