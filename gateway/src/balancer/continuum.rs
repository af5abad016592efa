//! Kong's ring for consistent hashing: the same targets give the same ring on every node.
//!
//! Each address takes a number of points by its weight, at places that its own text decides; a value is
//! hashed the same way and walks downwards to the first point that is taken by an address that works. A
//! target that comes or goes moves about its own share of values and few others.

use std::fmt::Write as _;
use std::net::SocketAddr;

use xxhash_rust::xxh32::xxh32;

/// Kong's fewest points, whatever `slots` says.
const FEWEST: u32 = 1_000;
/// Points of an address of average weight.
const POINTS: u64 = 160;
/// No address here.
const FREE: u32 = u32::MAX;

/// The ring: the index of a peer for each point.
#[derive(Debug, Default)]
pub(super) struct Continuum(Box<[u32]>);

/// One address as it takes its points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// The name of its target.
    pub(super) host: &'a str,
    pub(super) address: SocketAddr,
    pub(super) weight: u32,
}

impl Continuum {
    /// Of `slots` points for `members`, which keep their indexes; `targets` is Kong's factor.
    pub(super) fn new(slots: u32, targets: usize, members: &[Member<'_>]) -> Self {
        let size = if slots < FEWEST { FEWEST } else { slots };
        let mut points = vec![FREE; size as usize].into_boxed_slice();
        let total: u64 = members.iter().map(|member| u64::from(member.weight)).sum();
        let mut order: Vec<(u32, &Member<'_>)> =
            (0..).zip(members).filter(|(_, member)| member.weight > 0).collect();
        order.sort_by_key(|(_, member)| (member.host, member.address.port(), member.address.ip()));
        let mut text = String::new();
        for (index, member) in order {
            let share = u64::from(member.weight) * targets as u64 * POINTS / total.max(1);
            for number in 1..=share.max(1) {
                text.clear();
                _ = write!(text, "{}::{} {number}", member.address.ip(), member.address.port());
                take(&mut points, place(text.as_bytes(), size), index);
            }
        }
        Self(points)
    }

    /// The first acceptable peer for a value, downwards from where it falls.
    pub(super) fn pick(&self, value: &[u8], accept: impl Fn(usize) -> bool) -> Option<usize> {
        let size = u32::try_from(self.0.len()).ok().filter(|size| *size > 0)?;
        let from = place(value, size);
        let (upper, lower) = (self.0.get(from + 1..)?, self.0.get(..=from)?);
        let downwards = lower.iter().rev().chain(upper.iter().rev());
        // Points of one address stand together often enough: what was just refused is not asked again.
        let mut refused = FREE;
        for index in downwards.copied() {
            if index == FREE || index == refused {
                continue;
            }
            if accept(index as usize) {
                return Some(index as usize);
            }
            refused = index;
        }
        None
    }
}

/// Where a text falls, from 0.
fn place(text: &[u8], size: u32) -> usize {
    (xxh32(text, 0) % size) as usize
}

/// Gives a peer the point, or the next one that is free; none if all are taken.
fn take(points: &mut [u32], from: usize, index: u32) {
    let (before, after) = points.split_at_mut(from);
    if let Some(free) = after.iter_mut().chain(before).find(|point| **point == FREE) {
        *free = index;
    }
}
