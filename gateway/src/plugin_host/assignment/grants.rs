//! What a plugin may do: what it asks for, as far as the operator granted it.
//!
//! Capabilities that reach nothing outside the plugin's own quota need no grant. A plugin of the
//! gateway itself is granted what it asks for, with parameters from its own configuration.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::host_rule::HostRule;
use crate::plugin_host::{AssignError, CapabilityRequest};

/// Bounded by quota and harmless to others.
const FREE: [&str; 7] = ["exchange", "logging", "clock", "random", "metrics", "local-counters", "body"];
/// Known to the contract, but this gateway has nothing behind them yet.
const NOT_YET: [&str; 5] = ["secrets", "crypto", "local-cache", "shared-counters", "shared-kv"];

/// The effective grants of one assignment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grants {
    pub(crate) logging: bool,
    pub(crate) random: bool,
    pub(crate) metrics: bool,
    pub(crate) local_counters: bool,
    /// Kinds of credential that may be looked up.
    pub(crate) credentials: Option<Vec<String>>,
    pub(crate) http: Option<HttpGrant>,
    /// Files that may be appended to.
    pub(crate) log_files: Vec<PathBuf>,
}

/// Where requests may go.
#[derive(Debug, Clone)]
pub(crate) struct HttpGrant(Vec<HostRule>);

impl HttpGrant {
    /// A check for the resolved addresses of `host`; `None` if the host is not granted.
    pub(crate) fn check(&self, host: &str, port: u16) -> Option<impl Fn(IpAddr) -> bool + use<>> {
        let rules: Vec<_> = self.0.iter().filter(|rule| rule.matches(host, port)).cloned().collect();
        (!rules.is_empty()).then_some(move |address| rules.iter().any(|rule| rule.allows(address)))
    }
}

/// Who decides about grants.
pub(crate) enum Granted<'a> {
    /// Whatever is asked for; `$(config.x)` in parameters is taken from here.
    Everything(&'a Value),
    /// These, by name.
    Only(&'a Map<String, Value>),
}

impl Grants {
    /// Whether calls may have to wait, and so must be able to suspend.
    pub(crate) fn suspends(&self) -> bool {
        self.credentials.is_some() || self.http.is_some()
    }

    /// Whether calls wait for nothing but credentials, and leave nothing behind that counts: such a call
    /// may be broken off and begun anew.
    pub(crate) fn may_begin_anew(&self) -> bool {
        self.http.is_none() && !self.metrics && !self.local_counters && self.log_files.is_empty()
    }

    /// Whether `path` may be appended to.
    pub(crate) fn allows_file(&self, path: &Path) -> bool {
        self.log_files.iter().any(|granted| granted == path)
    }

    /// Cuts what is asked for down to what is granted.
    pub(crate) fn resolve(asked: &[CapabilityRequest], granted: &Granted<'_>) -> Result<Self, AssignError> {
        let mut grants = Self::default();
        let mut missing = Vec::new();
        for request in asked {
            match parameters(request, granted)? {
                Some(parameters) => grants.add(&request.name, &parameters)?,
                None => missing.push(request.name.clone()),
            }
        }
        if missing.is_empty() { Ok(grants) } else { Err(AssignError::NotGranted(missing)) }
    }

    fn add(&mut self, name: &str, parameters: &Parameters) -> Result<(), AssignError> {
        match name {
            "exchange" | "clock" | "body" => {}
            "logging" => self.logging = true,
            "random" => self.random = true,
            "metrics" => self.metrics = true,
            "local-counters" => self.local_counters = true,
            "credentials" => self.credentials = Some(parameters.texts(name, "kinds")?),
            "log-file" => {
                self.log_files = parameters.texts(name, "paths")?.into_iter().map(Into::into).collect()
            }
            "http-client" => {
                let hosts = parameters.texts(name, "hosts")?;
                let rule = |text: &String| {
                    HostRule::parse(text, parameters.private)
                        .ok_or_else(|| wrong(name, format!("`{text}` is not a host, host:port or http URL")))
                };
                self.http = Some(HttpGrant(hosts.iter().map(rule).collect::<Result<_, _>>()?));
            }
            _ if NOT_YET.contains(&name) => {
                return Err(wrong(name, "this gateway does not have this capability yet".into()));
            }
            _ => return Err(wrong(name, "unknown capability".into())),
        }
        Ok(())
    }
}

/// Parameters of one grant.
struct Parameters {
    values: Map<String, Value>,
    /// Private addresses are open: the operator wrote the very host, or said so.
    private: bool,
}

impl Parameters {
    fn texts(&self, capability: &str, field: &str) -> Result<Vec<String>, AssignError> {
        let Some(Value::Array(items)) = self.values.get(field) else {
            return Err(wrong(capability, format!("expected a list of strings in `{field}`")));
        };
        let text = |item: &Value| {
            let text = item.as_str().map(str::to_owned);
            text.ok_or_else(|| wrong(capability, format!("`{field}` may only hold strings")))
        };
        // A reference to a field that is not configured grants nothing.
        items.iter().filter(|item| !item.is_null()).map(text).collect()
    }
}

fn parameters(request: &CapabilityRequest, granted: &Granted<'_>) -> Result<Option<Parameters>, AssignError> {
    match granted {
        Granted::Everything(config) => {
            let text = if request.params_json.is_empty() { "{}" } else { &request.params_json };
            let parsed = serde_json::from_str(text);
            let Ok(Value::Object(mut values)) = parsed else {
                return Err(wrong(&request.name, "the plugin's parameters are not a JSON object".into()));
            };
            values.values_mut().for_each(|value| refer(value, config));
            Ok(Some(Parameters { values, private: true }))
        }
        Granted::Only(all) => Ok(match all.get(&request.name) {
            Some(Value::Object(values)) => {
                let private = values.get("private") == Some(&Value::Bool(true));
                Some(Parameters { values: values.clone(), private })
            }
            Some(Value::Bool(true)) => Some(Parameters { values: Map::new(), private: false }),
            Some(Value::Null | Value::Bool(false)) => None,
            Some(_) => return Err(wrong(&request.name, "expected an object of parameters".into())),
            None if FREE.contains(&request.name.as_str()) => {
                Some(Parameters { values: Map::new(), private: false })
            }
            None => None,
        }),
    }
}

/// Puts the value of a configuration field in place of `$(config.x)` and `$(config.x.y)`.
fn refer(value: &mut Value, config: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, config)),
        Value::String(text) => {
            let path = text.strip_prefix("$(config.").and_then(|rest| rest.strip_suffix(')'));
            let Some(path) = path else { return };
            let found = path.split('.').try_fold(config, |at, field| at.get(field));
            *value = found.cloned().unwrap_or(Value::Null);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

fn wrong(capability: &str, reason: String) -> AssignError {
    AssignError::Sandbox { field: format!("grants.{capability}"), reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(name: &str, params: &str) -> CapabilityRequest {
        CapabilityRequest { name: name.into(), why: String::new(), params_json: params.into() }
    }

    #[test]
    fn bundled_parameters_come_from_the_configuration() {
        let asked = [
            ask("log-file", r#"{"paths":["$(config.path)"]}"#),
            ask("http-client", r#"{"hosts":["$(config.http_endpoint)", "$(config.absent)"]}"#),
        ];
        let config = json!({"path": "/tmp/a.log", "http_endpoint": "http://127.0.0.1:9/x"});
        let grants = Grants::resolve(&asked, &Granted::Everything(&config)).unwrap();
        assert!(grants.allows_file(Path::new("/tmp/a.log")), "the configured file");
        assert!(!grants.allows_file(Path::new("/etc/passwd")), "no other file");
        let http = grants.http.unwrap();
        let allow = http.check("127.0.0.1", 9).unwrap();
        assert!(allow([127, 0, 0, 1].into()), "the operator named a local address");
        assert!(http.check("example.com", 80).is_none(), "no other host");
    }

    #[test]
    fn uploads_get_what_the_operator_grants() {
        let asked = [ask("logging", ""), ask("http-client", ""), ask("credentials", "")];
        let granted = json!({"http-client": {"hosts": ["example.com"]}});
        let refused = Grants::resolve(&asked, &Granted::Only(granted.as_object().unwrap()));
        let Err(AssignError::NotGranted(missing)) = refused else { panic!("credentials were not granted") };
        assert_eq!(missing, ["credentials"]);
        let grants =
            Grants::resolve(asked.get(..2).unwrap(), &Granted::Only(granted.as_object().unwrap())).unwrap();
        let allow = grants.http.unwrap().check("example.com", 80).unwrap();
        assert!(!allow([10, 0, 0, 1].into()), "a name must not lead into a private network");
    }
}
