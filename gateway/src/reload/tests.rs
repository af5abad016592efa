//! From a write to what requests see, and what stays when something fails.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Reload, ReloadParts, Report, Reports};
use crate::clock::Clock;
use crate::dns::Names;
use crate::exchange::{ConsumerFacts, Exchange};
use crate::identity::Identity;
use crate::model::{self, Record};
use crate::plugin_host::{
    Answer, Directory, FoundCredential, Host, HostDeps, HostSettings, Outbound, OutboundError,
    OutboundRequest, OutboundResponse,
};
use crate::router::RouteInput;
use crate::shared::SharedState;
use crate::snapshot::SnapshotHandle;
use crate::store::{LastGood, Store, StoreSettings};
use crate::upstreams::Upstreams;
use crate::vault::Vaults;

struct Nobody;

impl Directory for Nobody {
    fn cached_credential(&self, _: &str, _: &str) -> Option<Option<FoundCredential>> {
        Some(None)
    }
    fn find_credential<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        Box::pin(async { Ok(None) })
    }
    fn find_consumer<'a>(&'a self, _: &'a str) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        Box::pin(async { Ok(None) })
    }
}

impl Outbound for Nobody {
    fn send(&self, _: OutboundRequest) -> Answer<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(async { Err(OutboundError::Denied) })
    }
}

struct Node {
    snapshots: SnapshotHandle,
    reports: Reports,
}

/// A node on `store` whose files are below `prefix`. The loop ends with the test's runtime.
fn node(store: &Store, prefix: &Path) -> Node {
    let deps = HostDeps {
        directory: Arc::new(Nobody),
        outbound: Arc::new(Nobody),
        shared: SharedState::default(),
        log_record: |_: &Exchange, _| {},
    };
    let snapshots = SnapshotHandle::new();
    let (reload, reports) = Reload::new(ReloadParts {
        store: store.clone(),
        identity: Identity::new(store.clone()),
        host: Host::start(HostSettings::new(prefix.into(), 1), deps).unwrap(),
        bundled: Vec::new(),
        snapshots: snapshots.clone(),
        upstreams: Upstreams::new(Names::unknown(), None, None),
        last_good: LastGood::new(prefix),
        prefix: prefix.into(),
        clock: Clock::manual(5_000),
        trust: Arc::default(),
        vaults: Vaults::default(),
        node_id: Uuid::nil(),
    });
    crate::task::spawn("reload", reload.run());
    Node { snapshots, reports }
}

impl Node {
    async fn wait_for(&mut self, case: &str, wanted: impl Fn(&Report) -> bool) -> Arc<Report> {
        let waited = tokio::time::timeout(Duration::from_secs(60), pin!(self.reports.wait_for(wanted))).await;
        waited.ok().flatten().unwrap_or_else(|| panic!("{case}: {:?}", self.reports.latest()))
    }

    /// Whether a route answers, and whether plugins stand before it.
    fn route(&self, path: &str) -> Option<bool> {
        let (method, headers) = (Method::GET, HeaderMap::new());
        let input = RouteInput::plain(&method, "h", path, &headers);
        self.snapshots.load().find(&input).map(|(plan, _)| !plan.chain.is_empty())
    }
}

async fn memory() -> Store {
    let store = Store::connect(&StoreSettings::Memory).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// A database that nobody serves.
async fn away() -> Store {
    Store::connect(&StoreSettings::Url("postgres://weir@127.0.0.1:1/weir".to_owned().into())).await.unwrap()
}

fn record(kind: &str, fields: Value) -> Record {
    let kind = model::kind(kind).unwrap();
    let document = kind.create(fields.as_object().cloned().unwrap(), 1).unwrap();
    kind.record(document).unwrap()
}

fn a_route(path: &str, service: Uuid) -> Record {
    record("routes", json!({"paths": [path], "service": {"id": service}}))
}

#[tokio::test]
async fn a_write_goes_live() {
    let folder = tempfile::tempdir().unwrap();
    let store = memory().await;
    let mut node = node(&store, folder.path());
    node.wait_for("an empty store", |report| report.live_revision == Some(0)).await;

    let service = record("services", json!({"host": "up.test"}));
    let route = a_route("/a", service.id);
    store.insert(service.clone()).await.unwrap();
    let revision = store.insert(route.clone()).await.unwrap();
    let report = node.wait_for("route", |report| report.live_revision == Some(revision)).await;
    assert_eq!((report.faults.as_slice(), report.error.as_ref(), report.published_at), (&[][..], None, 5));
    assert_eq!(node.route("/a"), Some(false));

    let revision = store.delete("routes", route.id).await.unwrap();
    node.wait_for("delete", |report| report.live_revision == Some(revision)).await;
    assert_eq!(node.route("/a"), None);
}

#[tokio::test]
async fn a_credential_needs_no_new_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let store = memory().await;
    let mut node = node(&store, folder.path());
    let before = node.wait_for("start", |report| report.live_revision == Some(0)).await;
    let revision = store.insert(record("consumers", json!({"username": "ann"}))).await.unwrap();
    let after = node.wait_for("consumer", |report| report.live_revision == Some(revision)).await;
    assert_eq!(after.publishes, before.publishes);
}

#[tokio::test]
async fn an_assignment_that_cannot_run_is_reported_and_fails_closed_while_the_rest_goes_live() {
    let folder = tempfile::tempdir().unwrap();
    let store = memory().await;
    let mut node = node(&store, folder.path());
    let service = record("services", json!({"host": "up.test"}));
    let (guarded, open) = (a_route("/guarded", service.id), a_route("/open", service.id));
    let mut plugin = record("consumers", json!({"username": "stand-in"}));
    plugin.kind = "plugins";
    plugin.keys.clear();
    plugin.document = json!({
        "id": plugin.id, "name": "nowhere", "instance_name": null, "route": {"id": guarded.id}, "service": null,
        "consumer": null, "config": {}, "enabled": true, "sandbox": null,
    })
    .as_object()
    .cloned()
    .unwrap();
    let changes = [service, guarded, open, plugin.clone()].map(crate::store::Change::Insert);
    let revision = store.write(changes.into()).await.unwrap();
    let report = node.wait_for("all", |report| report.live_revision == Some(revision)).await;
    let faulty: Vec<_> = report.faults.iter().map(|fault| fault.id.clone()).collect();
    assert_eq!(faulty, [plugin.id.to_string()]);
    assert_eq!(node.route("/guarded"), Some(true), "its place is kept");
    assert_eq!(node.route("/open"), Some(false));
}

#[tokio::test]
async fn a_node_starts_with_the_database_away_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = memory().await;
    let mut first = node(&store, folder.path());
    let service = record("services", json!({"host": "up.test"}));
    let route = a_route("/kept", service.id);
    let changes = [service, route].map(crate::store::Change::Insert);
    let revision = store.write(changes.into()).await.unwrap();
    first.wait_for("live", |report| report.live_revision == Some(revision)).await;
    let last_good = LastGood::new(folder.path());
    let saved = async {
        while last_good.load().await.is_none_or(|rows| rows.revision != revision) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), saved).await.expect("the configuration is saved");

    let mut second = node(&away().await, folder.path());
    let report = second.wait_for("from disk", |report| report.live_revision.is_some()).await;
    assert_eq!(report.live_revision, Some(revision));
    assert!(report.serving_last_good);
    assert!(report.error.is_some(), "it says why");
    assert_eq!(second.route("/kept"), Some(false));
}

#[tokio::test]
async fn without_database_and_without_disk_nothing_is_live() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = node(&away().await, folder.path());
    let report = node.wait_for("an error", |report| report.error.is_some()).await;
    assert_eq!(report.live_revision, None);
}
