//! The order of round-robin: every peer by its weight, evenly spread over one round.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A round is at most this long; larger weights are scaled down to it.
const LONGEST: u64 = 1 << 16;
/// Rows of [`Cursors`]: workers beyond share one, which costs them speed and nothing else.
const CURSORS: usize = 16;

/// One round: the index of a peer for each step.
#[derive(Debug, Default)]
pub struct Rotation(Box<[u32]>);

impl Rotation {
    /// One round for these weights; a weight of 0 has no part in it.
    ///
    /// Step k of w falls on (2k+1)/2w of the round: as far from its like as can be.
    pub fn new(weights: &[u32]) -> Self {
        let weights = reduced(weights);
        let mut steps = Vec::new();
        for (index, weight) in (0..).zip(&weights) {
            let place = |step: u64| (2 * step + 1, 2 * weight, index);
            steps.extend((0..*weight).map(place));
        }
        steps.sort_unstable_by(|(a, of_a, one), (b, of_b, other)| {
            (a * of_b).cmp(&(b * of_a)).then_with(|| one.cmp(other))
        });
        Self(steps.into_iter().map(|(_, _, index)| index).collect())
    }

    /// The first acceptable peer from step `from` on. A step whose peer is not acceptable goes to a peer
    /// elsewhere in the round, so that not one neighbour gets all of its share.
    pub fn pick(&self, from: usize, accept: impl Fn(usize) -> bool) -> Option<usize> {
        let length = NonZeroUsize::new(self.0.len())?;
        let at = |step: usize| self.0.get(step % length).map(|index| *index as usize);
        let first = at(from)?;
        if accept(first) {
            return Some(first);
        }
        // A large odd number: successive rounds fall on different steps.
        let elsewhere = from.wrapping_mul(0x9E37_79B1) >> 3;
        (0..length.get()).filter_map(|step| at(elsewhere.wrapping_add(step))).find(|index| accept(*index))
    }
}

/// Divided by what they have in common, and so small that a round is not too long.
fn reduced(weights: &[u32]) -> Vec<u64> {
    let common = weights.iter().copied().map(u64::from).fold(0, gcd).max(1);
    let weights: Vec<u64> = weights.iter().map(|weight| u64::from(*weight) / common).collect();
    let total: u64 = weights.iter().sum();
    if total <= LONGEST {
        return weights;
    }
    let scale = |weight: &u64| if *weight == 0 { 0 } else { (weight * LONGEST / total).max(1) };
    weights.iter().map(scale).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Where each worker stands in the round: no two of them write to the same cache line.
#[derive(Debug)]
pub struct Cursors([Cursor; CURSORS]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Cursor(AtomicUsize);

impl Cursors {
    /// Workers begin at different steps, and nodes at different ones: not all with the first target.
    pub fn new(seed: usize) -> Self {
        Self(std::array::from_fn(|row| Cursor(AtomicUsize::new(seed.wrapping_add(row)))))
    }

    /// This worker's next step.
    pub fn next(&self) -> usize {
        self.0.get(row() % CURSORS).map_or(0, |cursor| cursor.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A number for each thread that picks.
fn row() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static ROW: Cell<Option<usize>> = const { Cell::new(None) };
    }
    ROW.with(|row| {
        let number = row.get().unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed));
        row.set(Some(number));
        number
    })
}
