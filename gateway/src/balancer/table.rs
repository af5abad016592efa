//! The peers of a balancer at one time, in the order of its algorithm.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::algorithm::Order;
use super::{AddressState, HealthRules};
use crate::config::Outliers;
use crate::model::{Algorithm, HashOn};

/// What a table is made from.
#[derive(Debug, Default)]
pub struct TableSpec {
    /// How peers are chosen.
    pub algorithm: Algorithm,
    /// Points of the ring.
    pub slots: u32,
    /// What requests are hashed by.
    pub hash: HashSources,
    /// When an address changes its state.
    pub health: Arc<HealthRules>,
    /// Percent of the weight that must be available, and more.
    pub threshold: f64,
    /// Host for all targets, in place of their own.
    pub host_header: Option<HeaderValue>,
    /// The targets and where they are.
    pub targets: Vec<TargetSpec>,
}

/// A target and where it is.
#[derive(Debug, Clone)]
pub struct TargetSpec {
    /// As the operator wrote it: `host:port`.
    pub target: Arc<str>,
    /// Its name or address, without brackets.
    pub host: Arc<str>,
    /// Its own port.
    pub port: u16,
    /// Its own weight.
    pub weight: u32,
    /// The addresses behind the name.
    pub places: Vec<Place>,
    /// Its name is being looked up for the first time.
    pub pending: bool,
    /// Where the addresses come from, in Kong's words.
    pub dns: &'static str,
}

/// One address of a target.
#[derive(Debug, Clone)]
pub struct Place {
    /// What is counted for it.
    pub state: Arc<AddressState>,
    /// Its share.
    pub weight: u32,
    /// The name that a record of service gave, if requests are to carry it.
    pub name: Option<Arc<str>>,
}

/// What requests are hashed by, in order.
#[derive(Debug, Default)]
pub struct HashSources {
    /// First.
    pub on: Option<HashSource>,
    /// If the first has no value.
    pub fallback: Option<HashSource>,
}

/// Where the value comes from that a request is hashed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashSource {
    /// The consumer, else the credential.
    Consumer,
    /// The client's address.
    Ip,
    /// A header.
    Header(HeaderName),
    /// A cookie, which is made if it is missing, for this path.
    Cookie {
        /// Its name.
        name: Arc<str>,
        /// Where the browser sends it.
        path: Arc<str>,
    },
    /// The path.
    Path,
    /// An argument of the query.
    QueryArg(Arc<str>),
    /// A group of the route's path.
    UriCapture(Arc<str>),
}

impl HashSource {
    /// From the fields of the entity; `None` for no hashing, or if the field that it needs is missing.
    pub fn new(
        on: HashOn,
        header: Option<&str>,
        (cookie, path): (Option<&str>, Option<&str>),
        argument: Option<&str>,
        capture: Option<&str>,
    ) -> Option<Self> {
        Some(match on {
            HashOn::None => return None,
            HashOn::Consumer => Self::Consumer,
            HashOn::Ip => Self::Ip,
            HashOn::Header => Self::Header(HeaderName::try_from(header?).ok()?),
            HashOn::Cookie => Self::Cookie { name: cookie?.into(), path: path.unwrap_or("/").into() },
            HashOn::Path => Self::Path,
            HashOn::QueryArg => Self::QueryArg(argument?.into()),
            HashOn::UriCapture => Self::UriCapture(capture?.into()),
        })
    }
}

/// One address that requests may go to.
#[derive(Debug)]
pub struct Peer {
    /// What is counted for it.
    pub state: Arc<AddressState>,
    /// Its share.
    pub weight: u32,
    /// The target's name or address: with it TLS asks for a certificate.
    pub host: Arc<str>,
    /// The target's own name, by which the ring orders.
    pub(super) target: Arc<str>,
    host_http: HeaderValue,
    host_https: HeaderValue,
}

impl Peer {
    fn new(target: &TargetSpec, place: &Place, fixed: Option<&HeaderValue>) -> Self {
        let host = place.name.as_ref().unwrap_or(&target.host);
        let port = place.state.address().port();
        let header = |default_port| fixed.cloned().unwrap_or_else(|| host_header(host, port, default_port));
        let fixed_name = fixed.and_then(|value| value.to_str().ok()).map(without_port);
        Self {
            state: Arc::clone(&place.state),
            weight: place.weight,
            host: fixed_name.map_or_else(|| Arc::clone(host), Arc::from),
            target: Arc::clone(&target.host),
            host_http: header(80),
            host_https: header(443),
        }
    }

    /// What it sees as Host, over plain connections or TLS.
    pub fn host_header(&self, tls: bool) -> &HeaderValue {
        if tls { &self.host_https } else { &self.host_http }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.state.address()
    }
}

fn host_header(host: &str, port: u16, default_port: u16) -> HeaderValue {
    let shown = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
    };
    let text = if port == default_port { shown } else { format!("{shown}:{port}") };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("invalid"))
}

fn without_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => text,
    }
}

/// The peers of a balancer at one time, in the order of its algorithm.
#[derive(Debug)]
pub struct Table {
    pub(super) peers: Box<[Peer]>,
    pub(super) order: Order,
    pub(super) hash: HashSources,
    pub(super) health: Arc<HealthRules>,
    pub(super) threshold: f64,
    pub(super) targets: Box<[TargetSpec]>,
}

impl Table {
    /// Made by the control plane only: costs time in proportion to targets and slots.
    pub fn new(spec: TableSpec) -> Self {
        let TableSpec { algorithm, slots, hash, health, threshold, host_header, targets } = spec;
        let of = |target: &TargetSpec| -> Vec<Peer> {
            target.places.iter().map(|place| Peer::new(target, place, host_header.as_ref())).collect()
        };
        let peers: Box<[Peer]> = targets.iter().flat_map(of).collect();
        let order = Order::new(algorithm, slots, targets.len(), &peers);
        Self { peers, order, hash, health, threshold, targets: targets.into() }
    }

    /// The peers, those without weight among them.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// What requests are hashed by; nothing unless the algorithm hashes.
    pub fn hash(&self) -> Option<&HashSources> {
        match self.order {
            Order::ConsistentHashing(_) => Some(&self.hash),
            Order::RoundRobin(_) | Order::LeastConnections | Order::Latency => None,
        }
    }

    /// Whether a target's name is being looked up for the first time.
    pub fn is_pending(&self) -> bool {
        self.targets.iter().any(|target| target.pending)
    }

    /// Whether one more peer may be ejected.
    pub(super) fn may_eject(&self, peer: &Peer, rules: &Outliers) -> bool {
        let (mut total, mut ejected, mut others) = (0, 0, 0);
        for known in self.peers.iter().filter(|known| known.weight > 0) {
            total += 1;
            ejected += usize::from(known.state.is_ejected());
            let other = !Arc::ptr_eq(&known.state, &peer.state);
            others += usize::from(other && known.state.is_available());
        }
        rules.have_room(total, ejected, others)
    }

    /// Whether there is enough weight among those that work.
    pub(super) fn has_enough(&self) -> bool {
        let (mut total, mut available) = (0_u64, 0_u64);
        for peer in &self.peers {
            let weight = u64::from(peer.weight);
            total += weight;
            // An ejection is no reason to refuse everybody: whoever is ejected passes for healthy here.
            available += if peer.state.is_healthy() { weight } else { 0 };
        }
        #[expect(clippy::cast_precision_loss, reason = "a percentage")]
        let percent = if total == 0 { 0.0 } else { available as f64 * 100.0 / total as f64 };
        percent > self.threshold
    }
}
