//! The order in which a table's peers are chosen.

use super::Peer;
use super::continuum::{Continuum, Member};
use super::rotation::Rotation;
use crate::model::Algorithm;

/// The algorithm of a table, with what it prepared.
#[derive(Debug)]
pub(super) enum Order {
    RoundRobin(Rotation),
    ConsistentHashing(Continuum),
    LeastConnections,
    Latency,
}

impl Order {
    pub(super) fn new(algorithm: Algorithm, slots: u32, targets: usize, peers: &[Peer]) -> Self {
        match algorithm {
            Algorithm::RoundRobin => {
                let weights: Vec<u32> = peers.iter().map(|peer| peer.weight).collect();
                Self::RoundRobin(Rotation::new(&weights))
            }
            Algorithm::ConsistentHashing => {
                let members: Vec<_> = peers.iter().map(member).collect();
                Self::ConsistentHashing(Continuum::new(slots, targets, &members))
            }
            Algorithm::LeastConnections => Self::LeastConnections,
            Algorithm::Latency => Self::Latency,
        }
    }

    /// Whether requests in flight are counted.
    pub(super) fn counts(&self) -> bool {
        match self {
            Self::RoundRobin(_) | Self::ConsistentHashing(_) => false,
            Self::LeastConnections | Self::Latency => true,
        }
    }

    /// Whether answers are timed.
    pub(super) fn times(&self) -> bool {
        match self {
            Self::RoundRobin(_) | Self::ConsistentHashing(_) | Self::LeastConnections => false,
            Self::Latency => true,
        }
    }
}

fn member(peer: &Peer) -> Member<'_> {
    Member { host: &peer.target, address: peer.state.address(), weight: peer.weight }
}

/// The acceptable peer with the lowest cost. Equal ones take turns, since the search begins at `from`.
pub(super) fn cheapest(
    peers: &[Peer],
    from: usize,
    accept: impl Fn(usize) -> bool,
    cost: impl Fn(&Peer) -> f32,
) -> Option<usize> {
    let length = peers.len();
    let mut best: Option<(usize, f32)> = None;
    for step in 0..length {
        let index = from.wrapping_add(step) % length;
        let Some(peer) = peers.get(index).filter(|peer| peer.weight > 0 && accept(index)) else { continue };
        let cost = cost(peer);
        if best.is_none_or(|(_, least)| cost < least) {
            best = Some((index, cost));
        }
    }
    best.map(|(index, _)| index)
}

/// The next request's share of what is on its way there already.
#[expect(clippy::cast_precision_loss, reason = "a comparison of small numbers")]
pub(super) fn load(peer: &Peer) -> f32 {
    (peer.state.active() as f32 + 1.0) / peer.weight as f32
}

/// What the next answer is expected to cost there. An address without an answer yet begins with the mean of
/// the others, from which it sinks like them until it is asked.
#[expect(clippy::cast_precision_loss, reason = "a comparison of small numbers")]
pub(super) fn expected(peer: &Peer, mean_ms: f32, now_ms: u32) -> f32 {
    let latency = peer.state.latency().at(now_ms).unwrap_or_else(|| {
        peer.state.latency().begin(mean_ms, now_ms);
        mean_ms
    });
    latency * (peer.state.active() as f32 + 1.0) / peer.weight as f32
}

/// The mean latency of those that have one.
pub(super) fn mean_ms(peers: &[Peer], now_ms: u32) -> f32 {
    let known = peers.iter().filter_map(|peer| peer.state.latency().at(now_ms));
    let (sum, count) = known.fold((0.0, 0.0_f32), |(sum, count), latency| (sum + latency, count + 1.0));
    if count > 0.0 { sum / count } else { 1.0 }
}
