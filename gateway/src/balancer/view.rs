//! What the Admin API and the metrics see of a balancer.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Balancer, Health};

/// An upstream and its targets.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of Kong's answer")]
pub struct BalancerView {
    pub name: Arc<str>,
    pub health: Health,
    pub targets: Vec<TargetView>,
}

/// One target. Weights are sums over its addresses.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of Kong's answer")]
pub struct TargetView {
    pub target: Arc<str>,
    pub host: Arc<str>,
    pub port: u16,
    pub dns: &'static str,
    pub node_weight: u32,
    pub state: TargetState,
    pub total: u64,
    pub available: u64,
    pub addresses: Vec<AddressView>,
}

/// One address of a target.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of Kong's answer")]
pub struct AddressView {
    pub address: SocketAddr,
    pub weight: u32,
    pub health: Health,
    pub ejections: u64,
}

/// The health of a target as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// That of its addresses: healthy if one of them is.
    Known(Health),
    /// Its name leads nowhere.
    DnsError,
}

impl TargetState {
    /// Kong's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known(health) => health.as_str(),
            Self::DnsError => "DNS_ERROR",
        }
    }
}

impl Balancer {
    /// What there is to see now.
    pub fn view(&self) -> BalancerView {
        let table = self.table();
        let on = table.health.on;
        let health = |works: bool| match (on, works) {
            (false, _) => Health::Off,
            (true, true) => Health::Healthy,
            (true, false) => Health::Unhealthy,
        };
        let targets = table.targets.iter().map(|target| {
            let address = |place: &super::Place| AddressView {
                address: place.state.address(),
                weight: place.weight,
                // One that is ejected gets no requests, whoever looks at its health or does not.
                health: if place.state.is_ejected() {
                    Health::Unhealthy
                } else {
                    health(place.state.is_healthy())
                },
                ejections: place.state.ejections(),
            };
            let available = target.places.iter().filter(|place| place.state.is_available());
            let weigh = |place: &super::Place| u64::from(place.weight);
            let works = available.clone().next().is_some();
            let state = if target.places.is_empty() {
                TargetState::DnsError
            } else if !works && target.places.iter().any(|place| place.state.is_ejected()) {
                TargetState::Known(Health::Unhealthy)
            } else {
                TargetState::Known(health(works))
            };
            TargetView {
                target: Arc::clone(&target.target),
                host: Arc::clone(&target.host),
                port: target.port,
                dns: target.dns,
                node_weight: target.weight,
                state,
                total: target.places.iter().map(weigh).sum(),
                available: available.map(weigh).sum(),
                addresses: target.places.iter().map(address).collect(),
            }
        });
        BalancerView {
            name: Arc::clone(self.name()),
            health: health(self.has_enough()),
            targets: targets.collect(),
        }
    }
}
