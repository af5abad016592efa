//! What the author's manifest says: the `weir` section of package.json or pyproject.toml.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::file_error;
use crate::BuildError;

/// A plugin's manifest: the package and its `weir` section.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) weir: Section,
}

/// The section of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    /// Source file, relative to the manifest; each language has its usual place.
    pub(crate) entry: Option<PathBuf>,
    pub(crate) phases: Vec<Phase>,
    #[serde(default)]
    pub(crate) capabilities: BTreeMap<String, Capability>,
    /// JSON Schema of the configuration, relative to the manifest.
    pub(crate) schema: Option<PathBuf>,
    #[serde(default)]
    pub(crate) priority: i32,
    #[serde(default)]
    pub(crate) authenticates: bool,
    /// Whether it turns configurations of earlier versions into its own.
    #[serde(default)]
    pub(crate) migrates: bool,
    /// Phases in whose verdicts nothing plays a part that was remembered of earlier calls.
    #[serde(default)]
    pub(crate) repeatable: Vec<Phase>,
}

/// A phase that the gateway calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    BeforeRouting,
    RequestHead,
    RequestBody,
    RequestStream,
    RequestTrailers,
    ResponseHead,
    ResponseBody,
    ResponseStream,
    ResponseTrailers,
    Log,
}

/// Why a capability is needed, and with which parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Capability {
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) params: Map<String, Value>,
}

/// What `describe` answers, in the words of the contract and with names as JavaScript has them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About<'a> {
    name: &'a str,
    version: &'a str,
    description: &'a str,
    config_schema: String,
    capabilities: Vec<Asked<'a>>,
    /// Interpreters start too slowly for an instance a call.
    instances: &'static str,
    default_priority: i32,
    authenticates: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    name: &'a str,
    why: &'a str,
    params_json: String,
}

const USUAL_SCHEMA: &str = "schema.json";
const NO_FIELDS: &str = r#"{"type":"object","additionalProperties":false,"properties":{}}"#;

impl Manifest {
    /// Reads a manifest out of `json`, the content of the file at `path`.
    pub(crate) fn parse(json: &str, path: &Path) -> Result<Self, BuildError> {
        let wrong = |reason: String| BuildError::Manifest { path: path.to_owned(), reason };
        let manifest: Self = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
        if manifest.weir.phases.is_empty() {
            return Err(wrong(
                "weir.phases names no phase; there are before-routing, request-head, request-body, \
                 request-stream, request-trailers, the same of responses, and log"
                    .into(),
            ));
        }
        if !manifest.weir.repeatable.iter().all(|phase| manifest.weir.phases.contains(phase)) {
            return Err(wrong("weir.repeatable names a phase that weir.phases does not".into()));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if manifest.name.is_empty() || manifest.name.starts_with('.') || !manifest.name.bytes().all(plain) {
            return Err(wrong("name may have letters, digits, `-`, `_` and `.`".into()));
        }
        Ok(manifest)
    }

    /// What `describe` answers for the plugin in `dir`.
    pub(crate) fn about(&self, dir: &Path) -> Result<About<'_>, BuildError> {
        Ok(About {
            name: &self.name,
            version: &self.version,
            description: &self.description,
            config_schema: self.schema(dir)?,
            capabilities: self.weir.capabilities.iter().map(Asked::new).collect(),
            instances: "reuse",
            default_priority: self.weir.priority,
            authenticates: self.weir.authenticates,
        })
    }

    /// The schema as one line; a plugin without one has no fields.
    fn schema(&self, dir: &Path) -> Result<String, BuildError> {
        let path = dir.join(self.weir.schema.as_deref().unwrap_or(Path::new(USUAL_SCHEMA)));
        if self.weir.schema.is_none() && !path.exists() {
            return Ok(NO_FIELDS.into());
        }
        let text = fs::read_to_string(&path).map_err(file_error(&path))?;
        let schema: Value = serde_json::from_str(&text)
            .map_err(|error| BuildError::Manifest { path: path.clone(), reason: error.to_string() })?;
        Ok(schema.to_string())
    }
}

impl<'a> Asked<'a> {
    fn new((name, capability): (&'a String, &'a Capability)) -> Self {
        Self { name, why: &capability.why, params_json: Value::Object(capability.params.clone()).to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_is_wrong_with_it() {
        for (case, json, want) in [
            ("no section", r#"{"name":"a","version":"1"}"#, "missing field `weir`"),
            ("no phase", r#"{"name":"a","version":"1","weir":{"phases":[]}}"#, "names no phase"),
            (
                "unknown phase",
                r#"{"name":"a","version":"1","weir":{"phases":["body"]}}"#,
                "unknown variant `body`",
            ),
            (
                "repeatable without the phase",
                r#"{"name":"a","version":"1","weir":{"phases":["log"],"repeatable":["request-head"]}}"#,
                "weir.repeatable names a phase",
            ),
            (
                "a path for a name",
                r#"{"name":"../a","version":"1","weir":{"phases":["log"]}}"#,
                "name may have",
            ),
        ] {
            let error = Manifest::parse(json, Path::new("package.json")).unwrap_err().to_string();
            assert!(error.contains(want), "{case}: {error}");
        }
    }
}
