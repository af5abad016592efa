//! The loop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::backoff::Backoff;
use super::blobs::Blobs;
use super::certificates::{Certificates, Resolved};
use super::plugins::{Plugins, Prepared};
use super::report::{self, Reporter, Reports};
use super::retired::Retired;
use super::rows::{Found, Rows};
use super::saver::Saver;
use super::trials::Trials;
use crate::clock::Clock;
use crate::identity::Identity;
use crate::model::Admitted;
use crate::plugin_host::{Host, Trust};
use crate::snapshot::{self, Snapshot, SnapshotHandle, Surroundings};
use crate::store::{Feed, HealthNews, LastGood, News, Revision, Store};
use crate::telemetry::logs;
use crate::upstreams::Upstreams;
use crate::vault::Vaults;

/// Changes that come within this time of each other are one reload.
const DEBOUNCE: Duration = Duration::from_millis(10);
/// How long the first snapshot may wait for components.
const FIRST_PATIENCE: Duration = Duration::from_secs(60);
/// How long others may: what takes longer goes live later, by itself.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks at snapshots that are no longer live.
const SWEEP: Duration = Duration::from_secs(1);
/// Quiet for so long, the router is built in one piece again.
const SETTLED: Duration = Duration::from_secs(5);
/// Between two looks for secrets whose time has come.
const SECRETS: Duration = Duration::from_secs(1);

/// What the loop works with.
pub struct ReloadParts {
    /// Where operators write.
    pub store: Store,
    /// Told what it must no longer believe, before a change is reported as live.
    pub identity: Identity,
    /// Runs the components.
    pub host: Host,
    /// The plugins in the binary.
    pub bundled: Vec<Admitted>,
    /// Where workers look.
    pub snapshots: SnapshotHandle,
    /// Follows each configuration before it goes live.
    pub upstreams: Upstreams,
    /// Where the last good configuration is kept.
    pub last_good: LastGood,
    /// Folder for copies of components.
    pub prefix: PathBuf,
    /// For the time of publication.
    pub clock: Clock,
    /// Whose components are run.
    pub trust: Arc<Trust>,
    /// Where secrets stand that configurations refer to.
    pub vaults: Vaults,
    /// Who judges candidates, for the answer that names it.
    pub node_id: Uuid,
}

/// The loop, ready to run.
pub struct Reload {
    rows: Rows,
    plugins: Plugins,
    certificates: Certificates,
    trials: Trials,
    identity: Identity,
    snapshots: SnapshotHandle,
    upstreams: Upstreams,
    last_good: LastGood,
    saver: Saver,
    reporter: Reporter,
    retired: Retired,
    backoff: Backoff,
    retry: Option<Instant>,
    settle_at: Option<Instant>,
    clock: Clock,
    feed: Feed,
    node_id: Uuid,
}

/// What woke the loop.
enum Woken {
    Revision(Revision),
    Component,
    Retry,
    Sweep,
    Judge,
    Secrets,
    Settled,
}

impl Reload {
    /// Puts the loop together; it begins with [`run`](Self::run). Must be called in a runtime.
    pub fn new(parts: ReloadParts) -> (Self, Reports) {
        let ReloadParts {
            store,
            identity,
            host,
            bundled,
            snapshots,
            upstreams,
            last_good,
            prefix,
            clock,
            trust,
            vaults,
            node_id,
        } = parts;
        let (reporter, reports) = report::channel();
        let reload = Self {
            trials: Trials::new(host.clone(), store.clone(), clock.clone(), node_id),
            certificates: Certificates::default(),
            plugins: Plugins::new((host, trust), bundled, Blobs::new(&prefix, store.clone()), vaults),
            saver: Saver::start(&last_good, &store),
            feed: store.feed(),
            rows: Rows::new(store, identity.clone()),
            identity,
            snapshots,
            upstreams,
            last_good,
            reporter,
            retired: Retired::default(),
            backoff: Backoff::default(),
            retry: None,
            settle_at: None,
            clock,
            node_id,
        };
        (reload, reports)
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        if !self.read_and_publish(FIRST_PATIENCE).await {
            self.serve_last_good().await;
        }
        loop {
            match self.wait().await {
                Woken::Revision(revision) => {
                    self.reporter.update(|report| report.seen_revision = revision);
                    sleep(DEBOUNCE).await;
                    self.read_and_publish(PATIENCE).await;
                    self.settle_at = Some(Instant::now() + SETTLED);
                }
                // Others were loaded ahead of time: nobody waits for them.
                Woken::Component if self.reporter.has_pending() => self.publish(PATIENCE).await,
                Woken::Component => {}
                Woken::Retry => {
                    self.retry = None;
                    self.plugins.try_again();
                    self.again().await;
                }
                Woken::Sweep => self.retired.sweep(),
                Woken::Judge => self.judge().await,
                Woken::Secrets => self.look_at_secrets().await,
                Woken::Settled => self.settle().await,
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let retry = self.retry;
        let retry = async {
            match retry {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let sweep = async {
            if self.retired.is_empty() {
                std::future::pending::<()>().await;
            }
            sleep(SWEEP).await;
        };
        let settled = self.settle_at;
        let settled = async {
            match settled {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let has_references = self.plugins.has_references();
        let secrets = async {
            if !has_references {
                std::future::pending::<()>().await;
            }
            sleep(SECRETS).await;
        };
        tokio::select! {
            revision = self.feed.changed() => Woken::Revision(revision),
            () = self.plugins.loaded() => Woken::Component,
            () = retry => Woken::Retry,
            () = sweep => Woken::Sweep,
            () = self.trials.due() => Woken::Judge,
            () = secrets => Woken::Secrets,
            () = settled => Woken::Settled,
        }
    }

    /// After changes that cost little, look-ups cost little again.
    async fn settle(&mut self) {
        self.settle_at = None;
        let live = self.snapshots.load();
        if live.is_layered() {
            drop(live);
            self.publish_as(PATIENCE, Snapshot::in_one_piece).await;
        }
    }

    async fn look_at_secrets(&mut self) {
        if self.plugins.secrets_changed().await {
            tracing::info!("a secret has changed");
            self.publish(PATIENCE).await;
        }
    }

    /// What is given up is so here before the store is told, which may be away.
    async fn judge(&mut self) {
        if self.trials.judge() {
            self.publish(PATIENCE).await;
        }
        self.trials.write().await;
    }

    /// One more try: of the read, or of assignments alone.
    async fn again(&mut self) {
        let read_failed = self.reporter.has_error() || !self.rows.is_from_store();
        if read_failed {
            self.read_and_publish(PATIENCE).await;
        } else {
            self.publish(PATIENCE).await;
        }
    }

    /// Whether the store could be read. If it could not, what is live stays live.
    async fn read_and_publish(&mut self, patience: Duration) -> bool {
        let found = match self.rows.read().await {
            Ok(found) => found,
            Err(error) => {
                let pause = self.backoff.next();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    ?pause,
                    "the configuration cannot be read"
                );
                self.retry = Some(Instant::now() + pause);
                self.reporter.update(|report| report.error = Some(error.to_string()));
                return false;
            }
        };
        let revision = self.rows.revision();
        self.feed.mark_seen(revision);
        self.saver.heard_of(revision);
        self.backoff.reset();
        let first = !self.reporter.is_current();
        match found {
            Found::Nothing if !first => self.reporter.update(|report| {
                report.error = None;
                report.seen_revision = revision;
                // With an assignment still pending, what operators said last is not all live.
                if report.pending == 0 {
                    report.live_revision = Some(revision);
                }
            }),
            Found::Nothing | Found::Configuration => {
                self.reporter.update(|report| report.error = None);
                self.publish(patience).await;
            }
        }
        self.follow_news();
        true
    }

    /// What operators said on other nodes. After the publication: targets may be new.
    fn follow_news(&mut self) {
        for news in self.rows.take_news() {
            match news {
                News::Health(news) => self.follow_health(&news),
                News::Level(news) if news.node == self.node_id => {}
                News::Level(news) => logs::follow_level(&news.level, news.lasts),
            }
        }
    }

    fn follow_health(&self, news: &HealthNews) {
        let balancer = self.upstreams.balancer(news.upstream).filter(|_| news.node != self.node_id);
        let only = |address| news.address.is_none_or(|only| only == address);
        if let Some(balancer) = balancer {
            balancer.set_health(news.healthy, |target, address| target == news.target && only(address));
        }
    }

    async fn serve_last_good(&mut self) {
        let Some(saved) = self.last_good.load().await else {
            tracing::error!("the database cannot be read and there is no last good configuration on disk");
            return;
        };
        let known = self.identity.seed(&self.last_good.load_identities().await).await;
        tracing::warn!(
            revision = saved.revision,
            credentials = known,
            "serving the last good configuration from disk"
        );
        self.rows.begin_with(&saved);
        self.publish(FIRST_PATIENCE).await;
    }

    /// Makes what was read live.
    async fn publish(&mut self, patience: Duration) {
        self.publish_as(patience, |snapshot| snapshot).await;
    }

    async fn publish_as(&mut self, patience: Duration, finish: fn(Snapshot) -> Snapshot) {
        let began = Instant::now();
        let configuration = self.trials.overrule(self.rows.configuration());
        let revision = self.rows.revision();
        self.trials.follow(&configuration);
        let Prepared { assigned, mut faults, pending, again } =
            self.plugins.prepare(&configuration, patience).await;
        let saved = Arc::clone(&configuration);
        let vaults = self.plugins.vaults();
        let Resolved { configuration, faults: unresolved, used } =
            self.certificates.resolve(&configuration, vaults).await;
        faults.extend(unresolved);
        self.plugins.note_references(used);
        let previous = self.snapshots.load();
        let building = (Arc::clone(&configuration), Arc::clone(&previous), self.upstreams.clone());
        let built = tokio::task::spawn_blocking(move || {
            let (configuration, previous, upstreams) = building;
            let balancers = upstreams.follow(&configuration);
            let around = Surroundings { balancers: &balancers, names: upstreams.names() };
            let (snapshot, faults) = snapshot::build(revision, &configuration, &assigned, around, &previous);
            (Arc::new(finish(snapshot)), faults)
        });
        let Ok((snapshot, mut all)) = built.await else {
            self.retry = Some(Instant::now() + self.backoff.next());
            self.reporter.update(|report| report.error = Some("building the snapshot went wrong".to_owned()));
            return;
        };
        all.extend(faults);
        let routes = snapshot.route_count();
        self.snapshots.publish(snapshot);
        self.retired.add(previous);
        self.retry = again.then(|| Instant::now() + self.backoff.next());
        if self.rows.is_from_store() {
            self.saver.save(revision, &saved);
        }
        tracing::info!(
            revision,
            routes,
            faults = all.len(),
            pending,
            took_ms = began.elapsed().as_millis(),
            "live"
        );
        self.tell(revision, all, pending);
    }

    fn tell(&self, revision: Revision, faults: Vec<crate::snapshot::Fault>, pending: usize) {
        let last_good = !self.rows.is_from_store();
        let now = self.clock.unix_seconds();
        self.reporter.update(|report| {
            if pending == 0 || report.live_revision.is_none() {
                report.live_revision = Some(revision);
            }
            report.seen_revision = report.seen_revision.max(revision);
            report.faults = faults;
            report.pending = pending;
            report.serving_last_good = last_good;
            report.published_at = now;
            report.publishes += 1;
        });
    }
}
