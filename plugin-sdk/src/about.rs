//! What a plugin says of itself when it is uploaded.

use serde_json::{Value, json};

use crate::bindings::base::exports::weir::plugin::meta;

/// Name, version, priority and what the plugin asks for.
///
/// ```
/// use weir_plugin_sdk::{About, Capability};
///
/// let about = About::new("key-auth", "3.9.3")
///     .description("Lets requests in that carry a known API key")
///     .priority(1250)
///     .authenticates()
///     .needs(Capability::credentials("to look keys up", &["keyauth_credentials"]));
/// ```
#[derive(Debug, Clone)]
pub struct About {
    info: meta::PluginInfo,
}

impl About {
    /// A plugin called `name`. Pass `env!("CARGO_PKG_VERSION")` to take the version from Cargo.toml.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            info: meta::PluginInfo {
                name: name.into(),
                version: version.into(),
                description: String::new(),
                config_schema: String::new(),
                capabilities: Vec::new(),
                instances: meta::InstancePolicy::Reuse,
                default_priority: 0,
                authenticates: false,
            },
        }
    }

    /// One sentence for the operator.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        self.info.description = description.into();
        self
    }

    /// Plugins with a higher priority run first, in every phase. The bundled authentication plugins
    /// have 1000 to 1450, the log plugins 4 to 14.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.info.default_priority = priority;
        self
    }

    /// This plugin's verdicts may say who the caller is.
    #[must_use]
    pub fn authenticates(mut self) -> Self {
        self.info.authenticates = true;
        self
    }

    /// A fresh instance for each call: nothing that one request leaves in memory can reach another.
    /// Without this, an instance serves the calls of one assignment one after the other, which
    /// costs a tenth.
    #[must_use]
    pub fn fresh_instances(mut self) -> Self {
        self.info.instances = meta::InstancePolicy::PerCall;
        self
    }

    /// Asks the operator for a capability. Calls to one that was not granted answer "denied".
    #[must_use]
    pub fn needs(mut self, capability: Capability) -> Self {
        self.info.capabilities.push(capability.0);
        self
    }

    pub(crate) fn into_info(self, config_schema: String) -> meta::PluginInfo {
        meta::PluginInfo { config_schema, ..self.info }
    }
}

/// One capability with the reason for it and its parameters.
///
/// A parameter of the form `$(config.field)` stands for the value of that field in the
/// configuration of each assignment; nested fields are joined by dots.
#[derive(Debug, Clone)]
pub struct Capability(meta::Capability);

impl Capability {
    /// The interface `name` of the contract, for instance `clock`.
    pub fn new(name: &str, why: &str, params: &Value) -> Self {
        Self(meta::Capability { name: name.into(), why: why.into(), params_json: params.to_string() })
    }

    /// Credentials of these kinds, for instance `keyauth_credentials`.
    pub fn credentials(why: &str, kinds: &[&str]) -> Self {
        Self::new("credentials", why, &json!({ "kinds": kinds }))
    }

    /// HTTP requests to these hosts. An entry is a host name, `host:port`, or a URL, of which the
    /// scheme, host and port count.
    pub fn http_client(why: &str, hosts: &[&str]) -> Self {
        Self::new("http-client", why, &json!({ "hosts": hosts }))
    }

    /// Appending to these files.
    pub fn log_file(why: &str, paths: &[&str]) -> Self {
        Self::new("log-file", why, &json!({ "paths": paths }))
    }

    /// Counters of this node.
    pub fn local_counters(why: &str) -> Self {
        Self::new("local-counters", why, &json!({}))
    }

    /// Digests and signatures.
    pub fn crypto(why: &str) -> Self {
        Self::new("crypto", why, &json!({}))
    }

    /// A cache of this node.
    pub fn local_cache(why: &str) -> Self {
        Self::new("local-cache", why, &json!({}))
    }

    /// Secrets of these names.
    pub fn secrets(why: &str, names: &[&str]) -> Self {
        Self::new("secrets", why, &json!({ "names": names }))
    }

    /// Counters of all nodes.
    pub fn shared_counters(why: &str) -> Self {
        Self::new("shared-counters", why, &json!({}))
    }

    /// Values of all nodes.
    pub fn shared_kv(why: &str) -> Self {
        Self::new("shared-kv", why, &json!({}))
    }

    /// The plugin can do without: an operator who does not grant it can assign the plugin all the same, and
    /// calls answer "denied".
    #[must_use]
    pub fn optional(mut self) -> Self {
        let params = serde_json::from_str(&self.0.params_json);
        if let Ok(Value::Object(mut params)) = params {
            params.insert("optional".into(), true.into());
            self.0.params_json = Value::Object(params).to_string();
        }
        self
    }

    /// Metrics of the plugin's own.
    pub fn metrics(why: &str) -> Self {
        Self::new("metrics", why, &json!({}))
    }
}
