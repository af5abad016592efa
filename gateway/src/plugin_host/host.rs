//! The host: loads plugins, makes assignments, and owns what all of them share.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Linker;

use super::assignment::{Core, make, try_out};
use super::function::{self, FunctionState};
use super::imports::{Linkers, LocalCaches, LocalCounters, LogFiles, PluginMetrics};
use super::load::{
    Artifacts, Compiler, Language, PluginInfo, Written, describe_function, dry_run, language, precompiled,
    scan,
};
use super::logs::LogQueues;
use super::metrics::CallCounters;
use super::recent::{RecentLog, RecentLogs};
use super::runtime::{Activity, Capacity, Fuel, SlowLane, Ticker, engine_id, running_engine};
use super::{
    AdmissionError, AssignError, Assignment, AssignmentSpec, ConductReport, ConfigProblem, HostDeps,
    HostSettings, InUse, LoadError, Plugin, Trial, load,
};

/// The host could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine.
    #[error("{0}")]
    Engine(String),
    /// Its files or threads.
    #[error("the plugin host: {0}")]
    Io(#[from] io::Error),
}

/// An upload that passed: the plugin, and the bytes to keep.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// Ready to be assigned.
    pub plugin: Arc<Plugin>,
    /// The component itself.
    pub bytes: Bytes,
}

/// What guests reach through their calls.
pub(crate) struct Services {
    pub(crate) deps: HostDeps,
    pub(crate) ticker: Ticker,
    /// For calls outside of requests.
    pub(crate) control: Activity,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) lane: SlowLane,
    /// Assignments, so that the operator can be told how they fare.
    pub(crate) watched: Mutex<Vec<Weak<Core>>>,
    pub(crate) counters: LocalCounters,
    pub(crate) caches: LocalCaches,
    pub(crate) metrics: PluginMetrics,
    pub(crate) calls: CallCounters,
    pub(crate) files: LogFiles,
    pub(crate) logs: LogQueues,
    pub(crate) recent: RecentLogs,
    pub(crate) trial: Option<Trial>,
    pub(crate) started: Instant,
    /// Goes up when an assignment retires: workers then drop its instances.
    pub(crate) generation: AtomicU64,
    pub(crate) workers: usize,
    /// Instances that are kept for the length of a body; they have a permit of `capacity` as well.
    pub(crate) pinned: Arc<Capacity>,
    /// Largest body that is held for a plugin, in bytes.
    pub(crate) max_body_bytes: usize,
}

struct Inner {
    engine: Engine,
    linkers: Linkers,
    functions: Linker<FunctionState>,
    artifacts: Artifacts,
    compiler: Compiler,
    settings: HostSettings,
    services: Arc<Services>,
    plugins: Mutex<HashMap<String, Arc<Plugin>>>,
}

/// The plugin host. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

/// Plugins that are kept though nothing is assigned to them.
const MAX_KEPT: usize = 256;

impl Host {
    /// Starts the engine, its clock and the writer of log files.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the engine, a file or a thread cannot be had.
    pub fn start(settings: HostSettings, deps: HostDeps) -> Result<Self, StartError> {
        let engine_error = |error: &dyn std::fmt::Display| StartError::Engine(error.to_string());
        let (engine, instances) = running_engine(&settings).map_err(|error| engine_error(&error))?;
        let linkers = Linkers::new(&engine).map_err(|error| engine_error(&error))?;
        let functions = function::linker(&engine).map_err(|error| engine_error(&error))?;
        let artifacts = Artifacts::open(&settings.prefix, engine_id(&engine))?;
        let program = match &settings.compiler {
            Some(program) => program.clone(),
            // Not its path: the file there may have been replaced, and is then not the one that may be run.
            None => "/proc/self/exe".into(),
        };
        let ticker = Ticker::start(&engine)?;
        let services = Services {
            deps,
            control: ticker.activity(),
            ticker,
            capacity: Capacity::new(instances),
            lane: SlowLane::start(settings.workers)?,
            watched: Mutex::default(),
            counters: LocalCounters::default(),
            caches: LocalCaches::default(),
            metrics: PluginMetrics::default(),
            calls: CallCounters::default(),
            files: LogFiles::start()?,
            logs: LogQueues::default(),
            recent: RecentLogs::default(),
            trial: settings.trial.clone(),
            started: Instant::now(),
            generation: AtomicU64::new(0),
            workers: settings.workers,
            pinned: Capacity::new((instances / 4).max(1)),
            max_body_bytes: settings.max_body_bytes,
        };
        Ok(Self(Arc::new(Inner {
            engine,
            linkers,
            functions,
            artifacts,
            compiler: Compiler::new(program, settings.compile_time, Fuel::of(&settings)),
            settings,
            services: Arc::new(services),
            plugins: Mutex::default(),
        })))
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.0.services
    }

    /// Examines an upload: shape, compilation, contract, self-description. Takes as long as the
    /// compilation does.
    ///
    /// # Errors
    ///
    /// [`AdmissionError`] says why the component is refused.
    pub async fn admit(&self, bytes: Bytes) -> Result<Admitted, AdmissionError> {
        let limit = self.0.settings.max_component_bytes;
        if bytes.len() > limit {
            return Err(AdmissionError::TooLarge { bytes: bytes.len(), limit });
        }
        let function = self.look(&bytes)?;
        let digest = digest(&bytes);
        let plugin = self.prepare((digest, function), &bytes).await?;
        Ok(Admitted { plugin, bytes })
    }

    /// Loads a component that was admitted before, from its artifact if there is one.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the bytes are not those of `digest`, or no longer pass.
    pub async fn load(&self, digest: &str, bytes: &Bytes) -> Result<Arc<Plugin>, LoadError> {
        let failed = |source| LoadError { digest: digest.to_owned(), source };
        if let Some(plugin) = self.plugin(digest) {
            return Ok(plugin);
        }
        let found = self::digest(bytes);
        if found != digest {
            return Err(failed(AdmissionError::Internal(format!("its bytes have the digest {found}"))));
        }
        let function = self.look(bytes).map_err(failed)?;
        self.prepare((found, function), bytes).await.map_err(failed)
    }

    pub(super) fn compiler(&self) -> &Compiler {
        &self.0.compiler
    }

    /// A plugin that is loaded.
    pub fn plugin(&self, digest: &str) -> Option<Arc<Plugin>> {
        let plugins = self.0.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        plugins.get(digest).cloned()
    }

    /// Looks at a component before it is compiled; if it is a function, what it says of itself.
    fn look(&self, bytes: &[u8]) -> Result<Option<PluginInfo>, AdmissionError> {
        match scan(bytes, self.0.settings.max_memory_bytes)? {
            Written::Contract => Ok(None),
            Written::Function if self.0.settings.functions => describe_function(bytes).map(Some),
            Written::Function => Err(AdmissionError::Contract(
                "it is a function for wasi:http, which this gateway runs only with `wasi_http_functions = on`".into(),
            )),
        }
    }

    /// `function` is what a function says of itself; a plugin is asked.
    async fn prepare(
        &self,
        (digest, function): (String, Option<PluginInfo>),
        bytes: &Bytes,
    ) -> Result<Arc<Plugin>, AdmissionError> {
        if let Some(plugin) = self.plugin(&digest) {
            return Ok(plugin);
        }
        let begun = Instant::now();
        let (artifact, compiled) = match self.0.artifacts.read(&digest) {
            Some(artifact) => (artifact, false),
            None => (self.0.compiler.compile(bytes).await?, true),
        };
        let compile_ms = if compiled { begun.elapsed().as_millis() } else { 0 };
        let (this, language) = (self.clone(), language(bytes));
        let dried = tokio::task::spawn_blocking(move || {
            this.dry_run((digest, language, function), &artifact, compiled)
        });
        let mut plugin =
            dried.await.map_err(|error| AdmissionError::Internal(format!("the dry run: {error}")))??;
        plugin.arena = load::arena(bytes);
        plugin.cost.component_bytes = bytes.len() as u64;
        plugin.cost.compile_ms = u64::try_from(compile_ms).unwrap_or(u64::MAX);
        let plugin = Arc::new(plugin);
        self.keep(Arc::clone(&plugin));
        Ok(plugin)
    }

    fn dry_run(
        &self,
        (digest, language, function): (String, Language, Option<PluginInfo>),
        artifact: &[u8],
        compiled: bool,
    ) -> Result<Plugin, AdmissionError> {
        let component = precompiled(&self.0.engine, artifact)
            .map_err(|error| AdmissionError::Shape(format!("{error:#}")))?;
        self.0.services.control.call();
        let mut plugin = match function {
            None => dry_run(&self.0.linkers, &component, digest, language)?,
            Some(info) => load::function(&self.0.functions, &component, digest, (language, info))?,
        };
        plugin.cost.artifact_bytes = artifact.len() as u64;
        if compiled && let Err(error) = self.0.artifacts.write(&plugin.digest, artifact) {
            tracing::warn!(%error, "an artifact cannot be kept; it will be compiled again");
        }
        Ok(plugin)
    }

    fn keep(&self, plugin: Arc<Plugin>) {
        let mut plugins = self.0.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        if plugins.len() >= MAX_KEPT {
            plugins.retain(|_, plugin| Arc::strong_count(plugin) > 1);
        }
        plugins.insert(plugin.digest.clone(), plugin);
    }

    /// Lets go of the plugins that nothing is assigned to. They are loaded again from their artifacts.
    pub fn forget_unused(&self) {
        let mut plugins = self.0.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        plugins.retain(|_, plugin| Arc::strong_count(plugin) > 1);
    }

    /// Asks a loaded plugin whether it can run with a configuration that has passed its schema.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub async fn check_config(&self, digest: &str, config_json: &str) -> Result<(), Vec<ConfigProblem>> {
        let problem = |message: String| vec![ConfigProblem { pointer: String::new(), message }];
        let Some(plugin) = self.plugin(digest) else {
            return Err(problem("the plugin is not loaded on this node".into()));
        };
        let mut spec = AssignmentSpec::new(uuid::Uuid::nil(), config_json);
        spec.bundled = true;
        match try_out(&self.0.services, self.0.settings.max_memory_bytes, &plugin, &spec).await {
            Ok(_) => Ok(()),
            Err(AssignError::Config(problems)) => Err(problems),
            Err(error) => Err(problem(error.to_string())),
        }
    }

    /// Asks a plugin to turn a configuration of an earlier version into one of its own.
    ///
    /// # Errors
    ///
    /// Why there is none, in a sentence.
    pub async fn migrate(
        &self,
        plugin: &Arc<Plugin>,
        from_version: &str,
        config_json: &str,
    ) -> Result<String, String> {
        let (plugin, this) = (Arc::clone(plugin), self.clone());
        let (from, config) = (from_version.to_owned(), config_json.to_owned());
        let migrated = tokio::task::spawn_blocking(move || {
            this.0.services.control.call();
            plugin.migrate(&from, &config)
        });
        migrated.await.map_err(|error| error.to_string())?
    }

    /// Assignments that run a component, those of snapshots that only running requests hold among
    /// them, and its instances.
    pub fn in_use(&self, digest: &str) -> InUse {
        self.plugin(digest).map(|plugin| plugin.in_use()).unwrap_or_default()
    }

    /// Components that are loaded: name, version, and who uses them.
    pub fn loaded(&self) -> Vec<(String, String, InUse)> {
        let plugins = self.0.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        let all = plugins.values();
        all.map(|plugin| (plugin.info.name.clone(), plugin.info.version.clone(), plugin.in_use())).collect()
    }

    /// Makes an assignment: grants, limits, and one throw-away instance that is configured.
    ///
    /// # Errors
    ///
    /// [`AssignError`] says what is wrong with the configuration or the sandbox.
    pub async fn assign(
        &self,
        plugin: &Arc<Plugin>,
        spec: &AssignmentSpec,
    ) -> Result<Arc<Assignment>, AssignError> {
        let (services, most) = (&self.0.services, self.0.settings.max_memory_bytes);
        let assignment = Arc::new(make(services, most, plugin, spec).await?);
        let mut watched = self.0.services.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it would grow: a look at all for each of them would take a time that grows with the square.
        if watched.len() == watched.capacity() {
            watched.retain(|core| core.strong_count() > 0);
        }
        watched.push(Arc::downgrade(&assignment.core));
        drop(watched);
        Ok(assignment)
    }

    /// The latest lines that `plugin` logged on this node; `None` if it was never assigned here.
    pub fn recent_log(&self, plugin: &str) -> Option<Arc<RecentLog>> {
        self.0.services.recent.find(plugin)
    }

    /// Calls that plugins got, and how they ended.
    pub fn call_stats(&self) -> Vec<super::CallStats> {
        self.0.services.calls.snapshot()
    }

    /// Assignments that are not called as usual, and how often each plugin's breakers have opened.
    pub fn conduct(&self) -> ConductReport {
        let watched = self.0.services.watched.lock().unwrap_or_else(PoisonError::into_inner);
        ConductReport::of(watched.iter().filter_map(Weak::upgrade))
    }

    /// Metrics that plugins keep: plugin, metric, labels, value.
    pub fn plugin_series(&self) -> Vec<super::NamedSeries> {
        let all = self.0.services.metrics.snapshot();
        let named =
            |((plugin, metric, labels), series)| super::NamedSeries { plugin, metric, labels, series };
        all.into_iter().map(named).collect()
    }

    /// Instances alive, and instances that there is room for.
    pub fn instances(&self) -> (u32, u32) {
        (self.0.services.capacity.alive(), self.0.services.capacity.limit())
    }

    /// Hands all waiting log entries to their plugins and writes all log files, for `longest` at
    /// most. For the end of the process: entries that come later may be lost.
    pub async fn flush_logs(&self, longest: Duration) {
        let until = Instant::now() + longest;
        self.0.services.logs.flush(longest).await;
        let services = Arc::clone(&self.0.services);
        let rest = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        drop(tokio::task::spawn_blocking(move || services.files.flush(rest)).await);
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
