//! The control plane: store, identity, plugin host, reload, and the two APIs beside the proxy.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::components::HostComponents;
use super::plugin_metrics::PluginMetrics;
use super::sockets::ControlSockets;
use super::target_metrics::TargetMetrics;
use super::{AppError, components, database};
use super::{handshakes, name_status, plugin_sources, route_test, upstream_tls};
use crate::admin::status_listener::{self, StatusSources};
use crate::admin::{self, AdminSettings, AdminState, DbLess, NodeLinks, NodeReport};
use crate::client::{Connect, Fetcher};
use crate::clock::Clock;
use crate::config::{AuditSettings, Database, Listener, RouterFlavor, Settings};
use crate::dns::Names;
use crate::identity::Identity;
use crate::plugin_host::{Conducted, Host, HostDeps, HostSettings};
use crate::reload::{Reload, ReloadParts, Report, Reports};
use crate::shared::{self, SharedState};
use crate::shutdown::Drain;
use crate::snapshot::SnapshotHandle;
use crate::store::{LastGood, Store, StoreSettings};
use crate::task;
use crate::telemetry::{ConfigurationStatus, Metrics, Readiness, StatusReport, UnusualPlugin, log_record};
use crate::upstreams::Upstreams;
use crate::vault::Vaults;

/// What the data plane needs of the control plane.
pub(super) struct Control {
    pub(super) snapshots: SnapshotHandle,
    pub(super) connect: Connect,
    pub(super) names: Names,
    pub(super) host: Host,
    store: Store,
}

impl Control {
    /// Closes the database.
    pub(super) async fn close(&self) {
        self.store.close().await;
    }
}

/// Starts the control plane. Comes back once there is a configuration to serve, or once it is clear
/// that neither the database nor the disk has one yet.
pub(super) async fn start(
    settings: &Arc<Settings>,
    node_id: Uuid,
    metrics: &Arc<Metrics>,
    drain: &Drain,
    sockets: ControlSockets,
) -> Result<Control, AppError> {
    let runtime = tokio::runtime::Handle::current();
    let (status, admin) = (listening(sockets.status)?, listening(sockets.admin)?);
    let keys = settings.encryption_keys.clone();
    let store = Store::connect_with(&StoreSettings::from(&**settings), keys.clone()).await?;
    // Whoever asks is answered from the first moment on, also while plugins are still compiled.
    let live = Arc::new(OnceLock::new());
    let dbless = matches!(settings.database, Database::Off { .. }).then(DbLess::new);
    let sources = serve_status(status, metrics, (&store, &live), dbless.clone(), drain);
    let folder = settings.prefix.join("last_good");
    database::prepare(settings.migrate, &store, &folder).await?;
    let connect = Connect::new(upstream_tls::tls(&settings.upstream_tls)?);
    let last_good = LastGood::new(folder).with_keys(keys);
    let identity = Identity::new(store.clone());
    identity.seed(&last_good.load_identities().await).await;
    let trust = Arc::new(plugin_sources::trust(&settings.plugins)?);
    let shared = SharedState::new(settings.redis.as_ref(), Some(store.clone()), runtime.clone());
    let shared = shared.map_err(|error| AppError::Plugins(error.to_string()))?;
    let names = Names::new(settings.dns.clone(), runtime.clone()).map_err(AppError::Names)?;
    let upstreams = Upstreams::new(names.clone(), Some(connect.clone()), settings.outliers);
    task::spawn("upstreams", upstreams.clone().run());
    let fetcher = Fetcher::new(connect.clone(), runtime);
    let host = plugin_host(settings, &identity, fetcher.clone(), shared)?;
    metrics.register(Arc::new(PluginMetrics(host.clone())));
    metrics.register(Arc::new(TargetMetrics(upstreams.clone())));
    let bundled = components::bundled(&host).await?;
    let snapshots = SnapshotHandle::new();
    let vaults = Vaults::new(settings.vault.clone());
    let (reload, mut reports) = Reload::new(ReloadParts {
        store: store.clone(),
        identity: identity.clone(),
        host: host.clone(),
        bundled: bundled.clone(),
        snapshots: snapshots.clone(),
        upstreams: upstreams.clone(),
        last_good,
        prefix: settings.prefix.clone(),
        clock: Clock::system(),
        trust: Arc::clone(&trust),
        vaults: vaults.clone(),
        node_id,
    });
    task::spawn("expiry", sweep_expired(store.clone(), settings.access.audit, drain.clone()));
    let puller = plugin_sources::puller(&settings.plugins, fetcher);
    let components =
        HostComponents { host: host.clone(), store: store.clone(), bundled, trust, puller, vaults };
    let routes = (snapshots.clone(), settings.proxy.router_flavor);
    let node = node_links(Arc::clone(metrics), sources, reports.clone(), (identity, upstreams, routes));
    let state = admin_state((settings, node_id), (&store, components), node, dbless)?;
    // Before the first snapshot is made, so that it has all of it.
    admin::declare_at_start(&state, settings.declarative.as_ref()).await?;
    _ = live.set((reports.clone(), host.clone()));
    task::spawn("reload", reload.run());
    let tls = handshakes::of_admin(settings)?;
    for (socket, listener) in admin.into_iter().zip(&settings.admin_listen) {
        let tls = tls.clone().filter(|_| listener.speaks.tls);
        task::spawn("admin listener", admin::serve((socket, tls), state.clone(), drain.clone()));
    }
    // An error is a first answer too: an empty gateway answers 404 and says why in /status.
    reports.wait_for(|report| report.live_revision.is_some() || report.error.is_some()).await;
    Ok(Control { snapshots, connect, names, host, store })
}

fn listening(sockets: Vec<std::net::TcpListener>) -> Result<Vec<TcpListener>, AppError> {
    let sockets = sockets.into_iter().map(TcpListener::from_std);
    sockets.collect::<Result<_, _>>().map_err(AppError::system("a socket cannot be used"))
}

pub(super) fn plugin_host(
    settings: &Settings,
    identity: &Identity,
    fetcher: Fetcher,
    shared: SharedState,
) -> Result<Host, AppError> {
    let mut host = HostSettings::new(settings.prefix.clone(), settings.workers.get());
    host.max_component_bytes = settings.plugins.component_max_size;
    host.compile_time = settings.plugins.compile_time;
    host.functions = settings.plugins.functions;
    host.instances = settings.plugins.instances;
    host.max_body_bytes = settings.proxy.held_bodies.max_size;
    host.max_memory_bytes = settings.plugins.memory_mib as usize * (1 << 20);
    let deps = HostDeps {
        directory: Arc::new(identity.clone()),
        outbound: Arc::new(fetcher),
        shared,
        log_record: log_record::write,
    };
    Host::start(host, deps).map_err(|error| AppError::Plugins(error.to_string()))
}

/// Deletes entities that have expired; readers do not see them in any case.
async fn sweep_expired(store: Store, audit: AuditSettings, drain: Drain) {
    let mut minutes = tokio::time::interval(std::time::Duration::from_secs(60));
    while !drain.is_draining() {
        minutes.tick().await;
        if let Err(error) = store.sweep_expired(1_000).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "expired entities are still there");
        }
        if let Err(error) = store.sweep_shared(shared::unix_ms()).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "expired counters are still there");
        }
        let ttl = i64::try_from(audit.record_ttl.as_millis()).unwrap_or(i64::MAX);
        let oldest = if ttl == 0 { i64::MIN } else { shared::unix_ms().saturating_sub(ttl) };
        let most = i64::try_from(audit.max_records).ok().filter(|most| *most > 0).unwrap_or(i64::MAX);
        if let Err(error) = store.forget_records(oldest, most).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "old audit records are still there");
        }
    }
}

fn serve_status(
    listeners: Vec<TcpListener>,
    metrics: &Arc<Metrics>,
    (store, live): (&Store, &Arc<OnceLock<(Reports, Host)>>),
    dbless: Option<Arc<DbLess>>,
    drain: &Drain,
) -> StatusSources {
    let (store, live) = (store.clone(), Arc::clone(live));
    let report = move || {
        let live = live.get();
        let latest = live.map(|(reports, _)| reports.latest()).unwrap_or_default();
        let reachable = dbless.is_none().then(|| store.is_available());
        let mut report = status(&latest, reachable, dbless.as_deref());
        report.plugins = live.map(|(_, host)| unusual(host)).unwrap_or_default();
        report
    };
    let sources = StatusSources::new(Arc::clone(metrics), report, drain.clone());
    for listener in listeners {
        task::spawn("status listener", status_listener::serve(listener, sources.clone()));
    }
    sources
}

fn status(report: &Report, database_reachable: Option<bool>, dbless: Option<&DbLess>) -> StatusReport {
    let readiness = match (report.live_revision, database_reachable) {
        (Some(_), None) if dbless.is_some_and(DbLess::is_empty) => Readiness::Empty,
        (Some(_), _) => Readiness::Ready,
        (None, Some(false)) => Readiness::DatabaseUnreachable,
        (None, Some(true) | None) => Readiness::NotLoaded,
    };
    let configuration = ConfigurationStatus {
        revision: report.live_revision.and_then(|revision| u64::try_from(revision).ok()).unwrap_or(0),
        loaded_unix_ms: report.published_at * 1000,
        from_last_good: report.serving_last_good,
        faults: report.faults.len(),
        last_error: report.error.clone(),
    };
    let configuration_hash = dbless.map(DbLess::hash);
    StatusReport { readiness, database_reachable, configuration_hash, configuration, plugins: Vec::new() }
}

fn unusual(host: &Host) -> Vec<UnusualPlugin> {
    let one = |conducted: Conducted| UnusualPlugin {
        assignment: conducted.id.to_string(),
        plugin: conducted.plugin,
        version: conducted.version,
        resting: conducted.resting,
        slow_lane: conducted.away,
    };
    host.conduct().listed.into_iter().map(one).collect()
}

fn node_links(
    metrics: Arc<Metrics>,
    sources: StatusSources,
    reports: Reports,
    (identity, upstreams, (snapshots, flavor)): (Identity, Upstreams, (SnapshotHandle, RouterFlavor)),
) -> NodeLinks {
    let report = move || {
        let (latest, totals) = (reports.latest(), metrics.totals());
        NodeReport {
            serving_last_good: latest.serving_last_good,
            live_revision: latest.live_revision,
            faults: latest.faults.iter().map(ToString::to_string).collect(),
            reload_error: latest.error.clone(),
            connections_accepted: totals.accepted,
            connections_active: totals.active,
            total_requests: totals.requests,
            requests_running: totals.running,
        }
    };
    let names = upstreams.names().clone();
    NodeLinks {
        report: Arc::new(report),
        metrics: Arc::new(move || sources.exposition()),
        route: Arc::new(move |question| route_test::answer(&snapshots.load(), flavor, question)),
        forget: Arc::new(move || identity.invalidate_all()),
        dns: Arc::new(move || name_status::answer(&names, &Clock::system())),
        balancer: Arc::new(move |id| upstreams.balancer(id)),
    }
}

fn admin_state(
    (settings, node_id): (&Settings, Uuid),
    (store, components): (&Store, HostComponents),
    node: NodeLinks,
    dbless: Option<Arc<DbLess>>,
) -> Result<AdminState, AppError> {
    let admin_settings = AdminSettings {
        hostname: hostname(),
        node_id,
        configuration: configuration(settings),
        max_component_bytes: settings.plugins.component_max_size,
        dbless,
        access: settings.access.clone(),
        ..AdminSettings::default()
    };
    let components = Arc::new(components);
    let state = AdminState::new(store.clone(), components, node, admin_settings, Clock::system());
    state.map_err(|(name, fault)| AppError::Plugins(format!("{name}: {fault}")))
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

/// The settings that clients of Kong read from `/`.
fn configuration(settings: &Settings) -> Value {
    let listeners = |listeners: &[Listener]| -> Value {
        listeners
            .iter()
            .map(|listener| {
                let Listener { address, speaks, .. } = listener;
                serde_json::json!({
                    "ip": address.ip(), "port": address.port(), "listener": listener.text, "ssl": speaks.tls,
                    "http2": speaks.http2, "proxy_protocol": speaks.proxy_protocol, "udp": speaks.udp,
                    "reuseport": listener.reuseport, "backlog": listener.backlog,
                })
            })
            .collect()
    };
    let database = match settings.database {
        Database::Off { .. } => "off",
        Database::Sqlite { .. } => "sqlite",
        // Clients of Kong know this word; a URL of SQLite is a file all the same.
        Database::Postgres(_) | Database::Url(_) => "postgres",
    };
    let mut all = Map::new();
    all.insert("database".into(), database.into());
    all.insert("router_flavor".into(), settings.proxy.router_flavor.as_str().into());
    all.insert("role".into(), "traditional".into());
    all.insert("wasm".into(), false.into());
    all.insert("prefix".into(), settings.prefix.display().to_string().into());
    all.insert("log_level".into(), settings.log_level.as_str().into());
    all.insert("plugins".into(), serde_json::json!(["bundled"]));
    all.insert("proxy_listeners".into(), listeners(&settings.proxy_listen));
    all.insert("stream_listeners".into(), listeners(&settings.stream_listen));
    all.insert("admin_listeners".into(), listeners(&settings.admin_listen));
    all.insert("admin_gui_listeners".into(), listeners(&[]));
    all.insert("status_listeners".into(), listeners(&settings.status_listen));
    Value::Object(all)
}
