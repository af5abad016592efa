//! What a handler may touch.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::access::Access;
use super::declarative::DbLess;
use super::error::ApiError;
use super::guarded::{Guard, GuardedStore};
use super::redactor::Redactor;
use super::route_test::RouteQuestion;
use crate::balancer::Balancer;
use crate::clock::Clock;
use crate::config::AccessSettings;
use crate::model::schema::{self, SchemaFault};
use crate::model::{Admitted, ConfigProblem, Document, Kind, Moment, PluginVersion, Refusal, Variant};
use crate::plugin_host::RecentLog;
use crate::store::{Revision, Store};

/// Readers that may follow logs at once.
const FOLLOWERS: usize = 32;

/// An answer that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the Admin API asks of whoever runs components.
pub trait Components: Send + Sync + 'static {
    /// Looks at an upload: signatures, scan, compile, dry run. Slow; the caller waits.
    fn admit<'a>(
        &'a self,
        component: Bytes,
        signatures: &'a [String],
    ) -> Later<'a, Result<Admitted, Refusal>>;

    /// Fetches a component from a registry: `registry/repository@sha256:…`.
    fn pull<'a>(&'a self, reference: &'a str) -> Later<'a, Result<Bytes, Refusal>>;

    /// Turns a configuration of an earlier version into one of this version; the component does it.
    fn migrate<'a>(
        &'a self,
        version: &'a PluginVersion,
        from: &'a str,
        config: &'a Value,
    ) -> Later<'a, Result<Value, String>>;

    /// What this node alone knows of a version: its signatures' worth, the packages in it, its use.
    fn local<'a>(&'a self, version: &'a PluginVersion) -> Later<'a, Result<LocalView, String>>;

    /// The components in the binary.
    fn bundled(&self) -> Vec<Admitted>;

    /// The latest log lines of a plugin on this node; `None` if it was never assigned here.
    fn recent_log(&self, plugin: &str) -> Option<Arc<RecentLog>>;

    /// Asks whether an assignment could run: what the component thinks of its configuration, and
    /// whether it is granted what it needs. The configuration has passed the schema.
    fn check<'a>(&'a self, draft: Draft<'a>) -> Later<'a, Result<(), Unfit>>;
}

/// A version as one node sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LocalView {
    /// `{"state": "signed", "key": "…"}`, `unknown` or `unsigned`.
    pub signature: Value,
    /// Assignments and instances that run it, also for requests that began under another snapshot.
    pub in_use: Value,
    /// Packages that it says it is made of.
    pub packages: Value,
}

/// An assignment that somebody wants to make or change.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// The component.
    pub digest: &'a str,
    /// Signatures of it.
    pub signatures: &'a [String],
    /// It is one of the binary, which is granted what it asks for.
    pub bundled: bool,
    /// The configuration, with its defaults.
    pub config: &'a Value,
    /// `sandbox` of the assignment; null for none.
    pub sandbox: &'a Value,
    /// `grants`, `limits` and `on_failure` of the upload; null for none.
    pub defaults: &'a Value,
    /// The `vaults` that come with it and take the place of all others; `None` for those in the database.
    pub vaults: Option<&'a [Document]>,
}

/// Why an assignment could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The component refuses the configuration.
    Problems(Vec<ConfigProblem>),
    /// The component needs these capabilities, and nobody granted them.
    NotGranted(Vec<String>),
    /// A grant, limit or policy that cannot be read.
    Sandbox {
        /// Which part of `sandbox`, dotted.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The component broke off while it was configured: the configuration is not one it can run with.
    Broke(String),
    /// The component could not be asked.
    Unasked(String),
}

/// How this node is doing, for `/status`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeReport {
    /// The data plane serves the last good configuration from disk.
    pub serving_last_good: bool,
    /// The revision that requests see.
    pub live_revision: Option<Revision>,
    /// What the last reload could not use.
    pub faults: Vec<String>,
    /// Why the last reload failed as a whole.
    pub reload_error: Option<String>,
    /// Counters in the words of Kong's `server` object.
    pub connections_accepted: u64,
    /// Client connections that are open.
    pub connections_active: u64,
    /// Requests since the start.
    pub total_requests: u64,
    /// Requests that are under way.
    pub requests_running: u64,
}

/// What the Admin API asks of the rest of the node. No call waits.
#[derive(Clone)]
pub struct NodeLinks {
    /// How the node is doing.
    pub report: Arc<dyn Fn() -> NodeReport + Send + Sync>,
    /// The metrics in Prometheus' text form. Takes its time.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Which route would take a request, and why. Takes its time.
    pub route: Arc<dyn Fn(&RouteQuestion) -> Value + Send + Sync>,
    /// Looks up anew whatever was kept of consumers and credentials.
    pub forget: Arc<dyn Fn() + Send + Sync>,
    /// What was counted of the look-ups of names, as `/status/dns` says it.
    pub dns: Arc<dyn Fn() -> Value + Send + Sync>,
    /// The balancer of an upstream; `None` while it has none.
    pub balancer: Arc<dyn Fn(Uuid) -> Option<Arc<Balancer>> + Send + Sync>,
}

/// Facts that do not change while the process runs.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// Name of the machine.
    pub hostname: String,
    /// Id of this node.
    pub node_id: Uuid,
    /// The settings as `/` prints them, secrets masked.
    pub configuration: Value,
    /// Largest upload in bytes.
    pub max_component_bytes: usize,
    /// Largest body of any other request in bytes.
    pub max_body_bytes: usize,
    /// There is no database: a declarative configuration says what there is.
    pub dbless: Option<Arc<DbLess>>,
    /// Origins of the web UI; empty: any origin is echoed, as Kong does.
    pub gui_origins: Vec<String>,
    /// Who may call.
    pub access: AccessSettings,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            node_id: Uuid::new_v4(),
            configuration: Value::Object(serde_json::Map::new()),
            max_component_bytes: 32 * 1024 * 1024,
            // Kong's client_max_body_size of the Admin server.
            max_body_bytes: 10 * 1024 * 1024,
            dbless: None,
            gui_origins: Vec::new(),
            access: AccessSettings::default(),
        }
    }
}

/// A plugin of the binary with the rules of its configuration.
#[derive(Debug)]
pub(super) struct Bundled {
    pub(super) admitted: Admitted,
    pub(super) rules: Arc<Variant>,
}

/// What a handler may touch. A clone is cheap.
#[derive(Clone)]
pub struct AdminState {
    pub(super) store: GuardedStore,
    pub(super) access: Arc<Access>,
    pub(super) components: Arc<dyn Components>,
    pub(super) node: NodeLinks,
    pub(super) settings: Arc<AdminSettings>,
    pub(super) bundled: Arc<BTreeMap<String, Bundled>>,
    pub(super) clock: Clock,
    /// Places for readers that follow logs; closed when the node drains.
    pub(super) followers: Arc<Semaphore>,
}

impl AdminState {
    /// Puts together what the handlers need.
    ///
    /// # Errors
    ///
    /// The schema of a bundled plugin cannot be used; the name says which.
    pub fn new(
        store: Store,
        components: Arc<dyn Components>,
        node: NodeLinks,
        settings: AdminSettings,
        clock: Clock,
    ) -> Result<Self, (String, SchemaFault)> {
        let mut bundled = BTreeMap::new();
        for admitted in components.bundled() {
            let version = &admitted.version;
            let rules = schema::plugin_rules(&version.config_schema, version.authenticates)
                .map_err(|fault| (admitted.name.clone(), fault))?;
            bundled.insert(admitted.name.clone(), Bundled { admitted, rules: Arc::new(rules) });
        }
        let rules = bundled.iter().map(|(name, known)| (name.clone(), Arc::clone(&known.rules))).collect();
        let settings = Arc::new(settings);
        Ok(Self {
            store: GuardedStore::new(store, Arc::new(Redactor::new(rules))),
            access: Arc::new(Access::new(&settings.access)),
            components,
            node,
            settings,
            bundled: Arc::new(bundled),
            clock,
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
        })
    }

    /// As one caller may use it.
    pub(super) fn guarded(&self, guard: Guard) -> Self {
        Self { store: self.store.guarded(guard), ..self.clone() }
    }

    /// The moment of a write.
    pub(super) fn moment(&self) -> Moment {
        Moment::from_millis(self.clock.unix_ms())
    }

    /// Refuses to `verb` one entity where a file says what there is.
    pub(super) fn writable(&self, verb: &str, kind: &Kind, by: Option<&str>) -> Result<(), ApiError> {
        match self.settings.dbless {
            None => Ok(()),
            Some(_) => Err(ApiError::unsupported(verb, kind, by.filter(|field| *field != "id"))),
        }
    }

    /// The unix second, as entities carry it.
    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.clock.unix_seconds()).unwrap_or(i64::MAX)
    }
}
