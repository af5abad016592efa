//! All upstreams, kept up to date.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::kept::Kept;
use super::probe;
use crate::balancer::{Balancer, BalancerView, Balancers};
use crate::client::Connect;
use crate::config::Outliers;
use crate::dns::Names;
use crate::model::{Target, Upstream};
use crate::snapshot::{Configuration, Entity};
use crate::task;

/// Between two looks for ejections that are over.
const READMIT: Duration = Duration::from_millis(200);

/// All upstreams, kept up to date. Cheap to clone.
#[derive(Clone)]
pub struct Upstreams(Arc<Shared>);

struct Shared {
    names: Names,
    /// `None` for an upstream that nobody probes.
    connect: Option<Connect>,
    outliers: Option<Outliers>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: BTreeMap<Uuid, Kept>,
    probes: HashMap<Uuid, JoinHandle<Option<()>>>,
    balancers: Arc<Balancers>,
}

impl Upstreams {
    /// Without any upstream yet. `connect` makes the connections of probes; `outliers` says who is ejected.
    pub fn new(names: Names, connect: Option<Connect>, outliers: Option<Outliers>) -> Self {
        Self(Arc::new(Shared { names, connect, outliers, state: Mutex::default() }))
    }

    /// The names that targets and services have.
    pub fn names(&self) -> &Names {
        &self.0.names
    }

    /// Takes a configuration over. Must be called in a runtime if anything is to be probed.
    pub fn follow(&self, configuration: &Configuration) -> Arc<Balancers> {
        let mut targets: BTreeMap<Uuid, Vec<Arc<Entity<Target>>>> = BTreeMap::new();
        for target in configuration.targets.values() {
            if let Some(upstream) = target.value.upstream {
                targets.entry(upstream).or_default().push(Arc::clone(target));
            }
        }
        let mut state = self.state();
        let mut before = std::mem::take(&mut state.kept);
        let mut changed = false;
        for (id, entity) in &configuration.upstreams {
            let of_this = targets.get(id).map_or(&[][..], Vec::as_slice);
            let known = before.remove(id);
            let kept = match known {
                Some(known) if known.is_of(entity, of_this) => known,
                known => {
                    changed = true;
                    self.take_over(&mut state, (entity, of_this), known)
                }
            };
            state.kept.insert(*id, kept);
        }
        for gone in before.keys() {
            changed = true;
            if let Some(probe) = state.probes.remove(gone) {
                probe.abort();
            }
        }
        if changed {
            let of = |kept: &Kept| (Arc::clone(kept.balancer.name()), Arc::clone(&kept.balancer));
            state.balancers = Arc::new(state.kept.values().map(of).collect());
        }
        Arc::clone(&state.balancers)
    }

    fn take_over(
        &self,
        state: &mut State,
        (entity, targets): (&Arc<Entity<Upstream>>, &[Arc<Entity<Target>>]),
        known: Option<Kept>,
    ) -> Kept {
        let same_rules = known.as_ref().is_some_and(|known| Arc::ptr_eq(&known.entity, entity));
        let kept = Kept::new(entity, targets, &self.0.names, self.0.outliers, known);
        if !same_rules {
            self.probe(state, &kept);
        }
        kept
    }

    /// Probes by the present rules, or no longer.
    fn probe(&self, state: &mut State, kept: &Kept) {
        let id = kept.entity.value.id;
        if let Some(running) = state.probes.remove(&id) {
            running.abort();
        }
        let checks = &kept.entity.value.healthchecks.active;
        if let (Some(connect), true) = (&self.0.connect, probe::is_on(checks)) {
            let upstream = (Arc::clone(&kept.balancer), kept.entity.value.host_header.clone());
            let running = task::spawn("health checks", probe::run(upstream, checks.clone(), connect.clone()));
            state.probes.insert(id, running);
        }
    }

    /// Takes over new answers to names, and brings back what was ejected for long enough, until it is dropped.
    pub async fn run(self) {
        let mut ticks = interval(READMIT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.0.names.changed() => {
                    for kept in self.state().kept.values_mut() {
                        kept.look_up();
                    }
                }
                _ = ticks.tick(), if self.0.outliers.is_some() => {
                    let now = Instant::now();
                    for kept in self.state().kept.values() {
                        kept.balancer.readmit(now);
                    }
                }
            }
        }
    }

    /// The balancer of this upstream.
    pub fn balancer(&self, id: Uuid) -> Option<Arc<Balancer>> {
        self.state().kept.get(&id).map(|kept| Arc::clone(&kept.balancer))
    }

    /// What there is to see of all upstreams.
    pub fn views(&self) -> Vec<BalancerView> {
        let balancers: Vec<_> = self.state().kept.values().map(|kept| Arc::clone(&kept.balancer)).collect();
        balancers.iter().map(|balancer| balancer.view()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
