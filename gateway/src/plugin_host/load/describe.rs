//! What a plugin says about itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plugin_host::AdmissionError;
use crate::plugin_host::bindings::exports::weir::plugin::meta;

/// Largest configuration schema, in bytes.
const MAX_SCHEMA: usize = 64 << 10;
/// Deepest configuration schema.
const MAX_DEPTH: usize = 32;

/// A capability that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityRequest {
    /// Name of the interface.
    pub name: String,
    /// For the operator who decides.
    pub why: String,
    /// Parameters, as JSON.
    pub params_json: String,
}

/// A plugin in its own words, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// Unique name.
    pub name: String,
    /// The author's version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// JSON Schema of the configuration.
    pub config_schema: Value,
    /// Capabilities asked for.
    pub capabilities: Vec<CapabilityRequest>,
    /// Whether an instance may serve more than one call.
    pub reuse: bool,
    /// Place in the chain: higher runs earlier.
    pub default_priority: i32,
    /// Whether its verdicts may say who the caller is.
    pub authenticates: bool,
}

impl PluginInfo {
    /// Checks what `describe` returned.
    ///
    /// # Errors
    ///
    /// [`AdmissionError::Describe`] with the field that is wrong.
    pub(crate) fn check(info: meta::PluginInfo) -> Result<Self, AdmissionError> {
        let named = !info.name.is_empty()
            && info.name.len() <= 128
            && info.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
        if !named {
            return Err(wrong("name", "1 to 128 letters, digits, `-`, `_`, `.` or `~` are allowed"));
        }
        if info.version.is_empty() || info.version.len() > 64 || !info.version.is_ascii() {
            return Err(wrong("version", "1 to 64 ASCII characters are allowed"));
        }
        if info.description.len() > 4096 || info.capabilities.len() > 64 {
            return Err(wrong("description", "it, or the list of capabilities, is too long"));
        }
        let config_schema = schema(&info.config_schema)?;
        let capability = |asked: meta::Capability| CapabilityRequest {
            name: asked.name,
            why: asked.why,
            params_json: asked.params_json,
        };
        Ok(Self {
            name: info.name,
            version: info.version,
            description: info.description,
            config_schema,
            capabilities: info.capabilities.into_iter().map(capability).collect(),
            reuse: matches!(info.instances, meta::InstancePolicy::Reuse),
            default_priority: info.default_priority,
            authenticates: info.authenticates,
        })
    }
}

fn schema(text: &str) -> Result<Value, AdmissionError> {
    if text.len() > MAX_SCHEMA {
        return Err(wrong("config-schema", "at most 64 KiB are allowed"));
    }
    let schema: Value =
        serde_json::from_str(text).map_err(|error| wrong("config-schema", &format!("not JSON: {error}")))?;
    if !schema.is_object() {
        return Err(wrong("config-schema", "expected an object"));
    }
    shape(&schema, 0)?;
    jsonschema::meta::validate(&schema).map_err(|error| wrong("config-schema", &error.to_string()))?;
    Ok(schema)
}

/// Bounds the depth, and refuses references out of the document.
fn shape(value: &Value, depth: usize) -> Result<(), AdmissionError> {
    if depth > MAX_DEPTH {
        return Err(wrong("config-schema", "nested deeper than 32 levels"));
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| shape(item, depth + 1)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, item)| {
            let remote = matches!(item, Value::String(target) if name == "$ref" && !target.starts_with('#'));
            if remote {
                return Err(wrong("config-schema", "`$ref` may only point into the schema itself"));
            }
            shape(item, depth + 1)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn wrong(field: &str, reason: &str) -> AdmissionError {
    AdmissionError::Describe(format!("{field}: {reason}"))
}
