//! What a plugin may do: what it asks for, as far as the operator granted it.
//!
//! Capabilities that reach nothing outside the plugin's own quota need no grant. A plugin of the
//! gateway itself is granted what it asks for, with parameters from its own configuration.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::GrantedValues;
use super::host_rule::HostRule;
use super::parameters::Parameters;
use super::secrets::Secrets;
use crate::model::CAPABILITIES;
use crate::plugin_host::{AssignError, CapabilityRequest};
use crate::shared::{Backend, Wanted};

/// Bounded by quota and harmless to others.
const FREE: [&str; 8] =
    ["exchange", "logging", "clock", "random", "metrics", "local-counters", "body", "crypto"];
/// Largest answer to an outbound request, in bytes.
const MAX_RESPONSE: u64 = 4 << 20;

/// The effective grants of one assignment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grants {
    pub(crate) logging: bool,
    pub(crate) random: bool,
    pub(crate) metrics: bool,
    /// The gateway's own metrics tell the consumers of its requests apart.
    pub(crate) tells_consumers_apart: bool,
    pub(crate) local_counters: bool,
    /// Kinds of credential that may be looked up.
    pub(crate) credentials: Option<Vec<String>>,
    pub(crate) http: Option<HttpGrant>,
    /// Files that may be appended to.
    pub(crate) log_files: Vec<PathBuf>,
    pub(crate) crypto: bool,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) local_cache: Option<CacheGrant>,
    pub(crate) shared_counters: Option<SharedGrant>,
    pub(crate) shared_kv: Option<ValuesGrant>,
}

/// Where requests may go, and how many.
#[derive(Debug, Clone)]
pub(crate) struct HttpGrant {
    rules: Vec<HostRule>,
    /// `None` is every method.
    methods: Option<Vec<Method>>,
    /// Requests of the assignment that may be under way, all workers together.
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) max_response_bytes: usize,
}

/// A cache of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheGrant {
    /// Whose cache it is, if not the plugin's own.
    pub(crate) namespace: Option<String>,
    pub(crate) max_bytes: u64,
    pub(crate) max_entries: u64,
}

/// Something that nodes share.
#[derive(Debug, Clone)]
pub(crate) struct SharedGrant {
    /// Whose it is, if not the assignment's or the plugin's own.
    pub(crate) namespace: Option<String>,
    /// `None` is the one that this gateway has.
    pub(crate) wanted: Option<Wanted>,
    /// Set once the grant is known to be one that this gateway can keep.
    pub(crate) backend: Option<Backend>,
}

/// Values that nodes share.
#[derive(Debug, Clone)]
pub(crate) struct ValuesGrant {
    pub(crate) shared: SharedGrant,
    pub(crate) max_value_bytes: usize,
    pub(crate) max_ttl_ms: u64,
}

impl HttpGrant {
    /// A check for the resolved addresses of `host`; `None` if the host is not granted.
    pub(crate) fn check(&self, host: &str, port: u16) -> Option<impl Fn(IpAddr) -> bool + use<>> {
        let rules: Vec<_> = self.rules.iter().filter(|rule| rule.matches(host, port)).cloned().collect();
        (!rules.is_empty()).then_some(move |address| rules.iter().any(|rule| rule.allows(address)))
    }

    /// Whether requests may have this method.
    pub(crate) fn allows(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.contains(method))
    }

    fn read(parameters: &mut Parameters) -> Result<Self, AssignError> {
        let hosts = parameters.texts("hosts")?;
        let private = parameters.flag("private")? || parameters.trusted;
        let rule = |text: &String| {
            HostRule::parse(text, private)
                .ok_or_else(|| parameters.wrong(format!("`{text}` is not a host, host:port or http URL")))
        };
        let rules = hosts.iter().map(rule).collect::<Result<_, _>>()?;
        let methods = parameters.maybe_texts("methods")?;
        let method = |text: &String| {
            Method::from_bytes(text.as_bytes())
                .map_err(|_| parameters.wrong(format!("`{text}` is not a method")))
        };
        let methods = methods.map(|all| all.iter().map(method).collect::<Result<_, _>>()).transpose()?;
        let in_flight = size(parameters.number("max_in_flight", 64, 10_000)?);
        let max_response_bytes = size(parameters.number("max_response_bytes", MAX_RESPONSE, MAX_RESPONSE)?);
        Ok(Self { rules, methods, in_flight: Arc::new(Semaphore::new(in_flight)), max_response_bytes })
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
        self.credentials.is_some() || self.http.is_some() || self.shares()
    }

    /// Whether calls may reach what nodes share.
    fn shares(&self) -> bool {
        self.shared_counters.is_some() || self.shared_kv.is_some()
    }

    /// What of the things that nodes share is asked for, by capability.
    pub(crate) fn shared(&mut self) -> impl Iterator<Item = (&'static str, &mut SharedGrant)> {
        let counters = self.shared_counters.iter_mut().map(|grant| ("shared-counters", grant));
        counters.chain(self.shared_kv.iter_mut().map(|grant| ("shared-kv", &mut grant.shared)))
    }

    /// Whether calls wait for nothing but credentials, and leave nothing behind that counts: such a call
    /// may be broken off and begun anew.
    pub(crate) fn may_begin_anew(&self) -> bool {
        self.http.is_none()
            && !self.shares()
            && !self.metrics
            && !self.local_counters
            && self.log_files.is_empty()
    }

    /// Whether `path` may be appended to.
    pub(crate) fn allows_file(&self, path: &Path) -> bool {
        self.log_files.iter().any(|granted| granted == path)
    }

    /// Cuts what is asked for down to what is granted.
    pub(crate) fn resolve(asked: &[CapabilityRequest], granted: &Granted<'_>) -> Result<Self, AssignError> {
        Self::resolve_with(asked, granted, &GrantedValues::default())
    }

    /// The same, with values of secrets that are known.
    pub(crate) fn resolve_with(
        asked: &[CapabilityRequest],
        granted: &Granted<'_>,
        known: &GrantedValues,
    ) -> Result<Self, AssignError> {
        if let Granted::Only(all) = granted
            && let Some(unknown) = all.keys().find(|name| !CAPABILITIES.contains(&name.as_str()))
        {
            return Err(unknown_capability(unknown));
        }
        let mut grants = Self::default();
        let mut missing = Vec::new();
        for request in asked {
            let wish = wish(request)?;
            let optional = wish.get("optional") == Some(&Value::Bool(true));
            match parameters(&request.name, wish, granted)? {
                Some(parameters) => grants.add(&request.name, parameters, known)?,
                None if optional => {}
                None => missing.push(request.name.clone()),
            }
        }
        if missing.is_empty() { Ok(grants) } else { Err(AssignError::NotGranted(missing)) }
    }

    fn add(
        &mut self,
        name: &str,
        mut parameters: Parameters,
        known: &GrantedValues,
    ) -> Result<(), AssignError> {
        match name {
            "exchange" | "clock" | "body" => {}
            "logging" => self.logging = true,
            "random" => self.random = true,
            "metrics" => {
                self.metrics = true;
                self.tells_consumers_apart = parameters.flag("consumers")?;
            }
            "local-counters" => self.local_counters = true,
            "crypto" => self.crypto = true,
            "credentials" => self.credentials = Some(parameters.texts("kinds")?),
            "log-file" => {
                self.log_files = parameters.texts("paths")?.into_iter().map(Into::into).collect();
            }
            "http-client" => self.http = Some(HttpGrant::read(&mut parameters)?),
            "secrets" => self.secrets = Arc::new(Secrets::read(&mut parameters, known)?),
            "local-cache" => self.local_cache = Some(CacheGrant::read(&mut parameters)?),
            "shared-counters" => self.shared_counters = SharedGrant::read(&mut parameters)?,
            "shared-kv" => self.shared_kv = ValuesGrant::read(&mut parameters)?,
            _ => return Err(unknown_capability(name)),
        }
        parameters.end()
    }
}

impl CacheGrant {
    fn read(parameters: &mut Parameters) -> Result<Self, AssignError> {
        Ok(Self {
            namespace: parameters.name("namespace")?,
            max_bytes: parameters.number("max_bytes", 4 << 20, 256 << 20)?,
            max_entries: parameters.number("max_entries", 10_000, 1_000_000)?,
        })
    }
}

impl SharedGrant {
    /// `None` if nothing is to be shared at all.
    fn read(parameters: &mut Parameters) -> Result<Option<Self>, AssignError> {
        let namespace = parameters.name("namespace")?;
        Ok(parameters.backend()?.map(|wanted| Self { namespace, wanted, backend: None }))
    }
}

impl ValuesGrant {
    fn read(parameters: &mut Parameters) -> Result<Option<Self>, AssignError> {
        let max_value_bytes = size(parameters.number("max_value_bytes", 64 << 10, 1 << 20)?);
        let max_ttl_ms = parameters.number("max_ttl_ms", 86_400_000, 30 * 86_400_000)?;
        let shared = SharedGrant::read(parameters)?;
        Ok(shared.map(|shared| Self { shared, max_value_bytes, max_ttl_ms }))
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn unknown_capability(name: &str) -> AssignError {
    wrong(name, format!("unknown capability; expected one of: {}", CAPABILITIES.join(", ")))
}

/// What the plugin says of its wish.
fn wish(request: &CapabilityRequest) -> Result<Map<String, Value>, AssignError> {
    let text = if request.params_json.is_empty() { "{}" } else { &request.params_json };
    match serde_json::from_str(text) {
        Ok(Value::Object(wish)) => Ok(wish),
        Ok(_) | Err(_) => Err(wrong(&request.name, "the plugin's parameters are not a JSON object".into())),
    }
}

fn parameters(
    name: &str,
    mut wish: Map<String, Value>,
    granted: &Granted<'_>,
) -> Result<Option<Parameters>, AssignError> {
    let none = || Parameters::new(name, Map::new(), false);
    match granted {
        Granted::Everything(config) => {
            wish.remove("optional");
            wish.values_mut().for_each(|value| refer(value, config));
            Ok(Some(Parameters::new(name, wish, true)))
        }
        Granted::Only(all) => Ok(match all.get(name) {
            Some(Value::Object(values)) => Some(Parameters::new(name, values.clone(), false)),
            Some(Value::Bool(true)) => Some(none()),
            Some(Value::Null | Value::Bool(false)) => None,
            Some(_) => return Err(wrong(name, "expected an object of parameters".into())),
            None => FREE.contains(&name).then(none),
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

    #[test]
    fn what_nobody_knows_is_refused() {
        for (case, asked, granted) in [
            ("a capability that nobody asked for", None, json!({"teleport": {}})),
            ("a parameter", Some("http-client"), json!({"http-client": {"hosts": [], "hsots": []}})),
            ("a parameter where there is none", Some("random"), json!({"random": {"bytes": 4}})),
            ("a backend", Some("shared-kv"), json!({"shared-kv": {"backend": "etcd"}})),
            ("a number that is none", Some("local-cache"), json!({"local-cache": {"max_bytes": "4m"}})),
            ("a namespace with a colon", Some("shared-kv"), json!({"shared-kv": {"namespace": "a:b"}})),
        ] {
            let asked: Vec<_> = asked.map(|name| ask(name, "")).into_iter().collect();
            let refused = Grants::resolve(&asked, &Granted::Only(granted.as_object().unwrap()));
            assert!(matches!(refused, Err(AssignError::Sandbox { .. })), "{case}: {refused:?}");
        }
    }

    #[test]
    fn consumers_are_told_apart_by_a_field_or_by_the_operator() {
        let asked = [ask("metrics", r#"{"consumers":"$(config.per_consumer)"}"#)];
        for (case, config, told_apart) in [
            ("it is on", json!({"per_consumer": true}), true),
            ("it is off", json!({"per_consumer": false}), false),
            ("it is null", json!({"per_consumer": null}), false),
        ] {
            let grants = Grants::resolve(&asked, &Granted::Everything(&config)).unwrap();
            assert_eq!((grants.metrics, grants.tells_consumers_apart), (true, told_apart), "{case}");
        }
        let operator = |granted: Value| {
            let granted = granted.as_object().cloned().unwrap();
            Grants::resolve(&asked, &Granted::Only(&granted)).unwrap().tells_consumers_apart
        };
        assert!(!operator(json!({})), "an uploaded plugin only proposes");
        assert!(operator(json!({"metrics": {"consumers": true}})), "the operator grants it");
    }

    #[test]
    fn a_plugin_can_do_without_what_it_calls_optional() {
        let asked = [ask("shared-kv", r#"{"optional":true}"#), ask("local-cache", "")];
        let granted = json!({"local-cache": {"max_bytes": 1000}});
        let grants = Grants::resolve(&asked, &Granted::Only(granted.as_object().unwrap())).unwrap();
        assert!(grants.shared_kv.is_none() && !grants.suspends());
        assert_eq!(grants.local_cache.unwrap().max_bytes, 1000);
    }
}
