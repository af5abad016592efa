//! A balancer: what requests pick from, across tables.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::algorithm::{Order, cheapest, expected, load, mean_ms};
use super::health::Outcome;
use super::rotation::Cursors;
use super::{Peer, Table};
use crate::config::Outliers;

/// All balancers by the name of their upstream.
pub type Balancers = HashMap<Arc<str>, Arc<Balancer>>;

/// What requests to one upstream pick from.
#[derive(Debug)]
pub struct Balancer {
    id: Uuid,
    name: Arc<str>,
    table: ArcSwap<Table>,
    /// Enough of the weight works; kept up to date by whoever changes the state of an address.
    enough: AtomicBool,
    cursors: Cursors,
    changed: Notify,
    began: Instant,
    /// Somebody is about to eject an address.
    ejecting: AtomicBool,
    /// Some address is ejected, or has been of late: time has something to change.
    marked: AtomicBool,
}

/// Why no address could be picked: both are the same to Kong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// The upstream has no target with an address and a weight.
    #[error("the upstream has no target with an address and a weight")]
    NoTarget,
    /// None of them works, or too few.
    #[error("none of the upstream's targets works, or too few")]
    Unhealthy,
}

/// One attempt at a peer. In flight until it is dropped.
#[derive(Debug)]
pub struct Lease {
    balancer: Arc<Balancer>,
    table: Arc<Table>,
    index: usize,
}

impl Balancer {
    /// A balancer of this upstream.
    pub fn new(id: Uuid, name: Arc<str>, table: Table) -> Self {
        let (_, seed) = Uuid::new_v4().as_u64_pair();
        let balancer = Self {
            id,
            name,
            table: ArcSwap::from_pointee(table),
            enough: AtomicBool::new(true),
            cursors: Cursors::new(usize::try_from(seed >> 32).unwrap_or(0)),
            changed: Notify::new(),
            began: Instant::now(),
            ejecting: AtomicBool::new(false),
            // A renamed upstream brings along what is known of its addresses.
            marked: AtomicBool::new(true),
        };
        balancer.assess();
        balancer
    }

    /// Primary key of the upstream.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Name of the upstream.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The present table.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// Puts another table in place, for picks from now on.
    pub fn replace(&self, table: Table) {
        self.table.store(Arc::new(table));
        self.assess();
        self.changed.notify_waiters();
    }

    /// Waits until the names of all targets have been looked up once, at most `limit`.
    pub async fn settled(&self, limit: Duration) {
        let settled = || !self.table.load().is_pending();
        _ = tokio::time::timeout(limit, wait_until(&self.changed, settled)).await;
    }

    /// Picks a peer for one attempt: by `key` where the algorithm hashes, and none of `tried` as long as
    /// there is another. Never waits; allocates nothing.
    ///
    /// # Errors
    ///
    /// A [`PickError`] if there is nobody to send to.
    pub fn pick(
        self: &Arc<Self>,
        table: Arc<Table>,
        key: &[u8],
        tried: impl Fn(SocketAddr) -> bool,
    ) -> Result<Lease, PickError> {
        if !self.enough.load(Ordering::Relaxed) {
            let has_weight = table.peers.iter().any(|peer| peer.weight > 0);
            return Err(if has_weight { PickError::Unhealthy } else { PickError::NoTarget });
        }
        let works = |index: usize| {
            table.peers.get(index).is_some_and(|peer| peer.weight > 0 && peer.state.is_available())
        };
        let fresh =
            |index: usize| works(index) && table.peers.get(index).is_some_and(|p| !tried(p.address()));
        let step = match &table.order {
            Order::ConsistentHashing(_) => 0,
            Order::RoundRobin(_) | Order::LeastConnections | Order::Latency => self.cursors.next(),
        };
        let index = self
            .by_order(&table, key, step, fresh)
            .or_else(|| self.by_order(&table, key, step, works))
            .or_else(|| self.ejected(&table, key, step));
        let index = index.ok_or(PickError::Unhealthy)?;
        let lease = Lease { balancer: Arc::clone(self), table, index };
        if let (true, Some(peer)) = (lease.table.order.counts(), lease.table.peers.get(index)) {
            peer.state.enter();
        }
        Ok(lease)
    }

    /// One of those that are ejected, where all others have failed meanwhile: better than nobody, unless an
    /// operator has said that all may be ejected.
    fn ejected(&self, table: &Table, key: &[u8], step: usize) -> Option<usize> {
        table.health.outliers.filter(|rules| rules.percent < 100)?;
        let healthy =
            |index: usize| table.peers.get(index).is_some_and(|p| p.weight > 0 && p.state.is_healthy());
        self.by_order(table, key, step, healthy)
    }

    fn by_order(
        &self,
        table: &Table,
        key: &[u8],
        step: usize,
        accept: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match &table.order {
            Order::RoundRobin(rotation) => rotation.pick(step, accept),
            Order::ConsistentHashing(continuum) => continuum.pick(key, accept),
            Order::LeastConnections => cheapest(&table.peers, step, accept, load),
            Order::Latency => {
                let now_ms = self.now_ms(Instant::now());
                let mean = mean_ms(&table.peers, now_ms);
                cheapest(&table.peers, step, accept, |peer| expected(peer, mean, now_ms))
            }
        }
    }

    /// What a probe found out about an address. True if its state is another one now.
    pub fn probed(&self, address: SocketAddr, outcome: Outcome) -> bool {
        let table = self.table();
        let mut changed = false;
        for peer in table.peers.iter().filter(|peer| peer.address() == address) {
            changed |= peer.state.count(&table.health.active, outcome).is_some();
        }
        if changed {
            self.assess();
        }
        changed
    }

    /// Sets the state of the addresses for which `chosen` holds, by hand; how many there were.
    pub fn set_health(&self, healthy: bool, chosen: impl Fn(&str, SocketAddr) -> bool) -> usize {
        let table = self.table();
        let mut set = 0;
        for target in &table.targets {
            for place in target.places.iter().filter(|at| chosen(&target.target, at.state.address())) {
                place.state.set_health(healthy);
                set += 1;
            }
        }
        self.assess();
        set
    }

    /// Ejects a peer that fails too often, if there is room for one more.
    fn eject(&self, table: &Table, peer: &Peer, rules: &Outliers) {
        // One at a time, so that no two use up the same room. Who comes second is heard at its next failure.
        if self.ejecting.swap(true, Ordering::Acquire) {
            return;
        }
        if !peer.state.is_ejected() && table.may_eject(peer, rules) {
            let lasts = peer.state.eject(rules, Instant::now());
            self.marked.store(true, Ordering::Relaxed);
            tracing::warn!(
                upstream = self.name.as_ref(),
                address = %peer.address(),
                ?lasts,
                "a target is ejected: requests to it failed one after the other"
            );
        }
        self.ejecting.store(false, Ordering::Release);
    }

    /// Brings back what was ejected for long enough. For the control plane, several times a second.
    pub fn readmit(&self, now: Instant) {
        let table = self.table.load();
        let Some(rules) = &table.health.outliers else { return };
        // Cleared first: what is ejected meanwhile sets it again.
        if !self.marked.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut marked = false;
        for peer in &table.peers {
            if peer.state.readmit(rules, now) {
                let (upstream, address) = (self.name.as_ref(), peer.address());
                tracing::warn!(upstream, %address, "a target that was ejected is back");
            }
            marked |= peer.state.is_marked();
        }
        self.marked.fetch_or(marked, Ordering::Relaxed);
    }

    /// Whether it serves at all.
    pub fn has_enough(&self) -> bool {
        self.enough.load(Ordering::Relaxed)
    }

    fn assess(&self) {
        self.enough.store(self.table.load().has_enough(), Ordering::Relaxed);
    }

    fn now_ms(&self, now: Instant) -> u32 {
        let since = now.saturating_duration_since(self.began).as_millis();
        // Wraps after 49 days, which `latency` knows.
        u32::try_from(since & u128::from(u32::MAX)).unwrap_or(0)
    }
}

/// Waits until something holds, looking again at each notification.
pub async fn wait_until(told: &Notify, holds: impl Fn() -> bool) {
    loop {
        // Listens before it looks, so that nothing is missed in between.
        let mut notified = pin!(told.notified());
        notified.as_mut().enable();
        if holds() {
            return;
        }
        notified.await;
    }
}

impl Lease {
    /// Where it goes; `None` never comes.
    pub fn peer(&self) -> Option<&Peer> {
        self.table.peers.get(self.index)
    }

    /// What came of it, for passive health checks.
    pub fn report(&self, outcome: Outcome) {
        let Some(peer) = self.peer() else { return };
        if let Some(rules) = &self.table.health.outliers
            && peer.state.is_outlier(rules, outcome)
        {
            self.balancer.eject(&self.table, peer, rules);
        }
        if let Some(healthy) = peer.state.count(&self.table.health.passive, outcome) {
            self.balancer.assess();
            tracing::warn!(
                upstream = self.balancer.name.as_ref(),
                address = %peer.address(),
                healthy,
                ?outcome,
                "the requests of clients changed the state of a target"
            );
        }
    }

    /// How long the answer took, for the algorithm that asks for it.
    pub fn took(&self, took: Duration, now: Instant) {
        if let (true, Some(peer)) = (self.table.order.times(), self.peer()) {
            peer.state.observe(took, self.balancer.now_ms(now));
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (true, Some(peer)) = (self.table.order.counts(), self.peer()) {
            peer.state.leave();
        }
    }
}
