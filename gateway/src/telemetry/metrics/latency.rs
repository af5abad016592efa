//! Histograms of milliseconds with Kong's buckets.

use std::time::Duration;

use super::cell::Cell;

/// Upper bounds of the gateway's own share, in milliseconds.
pub(super) const GATEWAY_BUCKETS: [u32; 17] =
    [1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000];
/// Upper bounds of the upstream's share and of the whole, in milliseconds.
pub(super) const REQUEST_BUCKETS: [u32; 13] =
    [25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/// A histogram with one writer.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    bounds: &'static [u32; N],
    buckets: [Cell; N],
    above: Cell,
    sum_us: Cell,
}

impl<const N: usize> Histogram<N> {
    pub(super) fn new(bounds: &'static [u32; N]) -> Self {
        Self {
            bounds,
            buckets: std::array::from_fn(|_| Cell::default()),
            above: Cell::default(),
            sum_us: Cell::default(),
        }
    }

    pub(super) fn observe(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.add(us);
        // Most times are short, so the first bounds decide.
        let place = self.bounds.iter().position(|bound| us <= u64::from(*bound) * 1000);
        place.and_then(|place| self.buckets.get(place)).unwrap_or(&self.above).add(1);
    }

    /// Times that were observed.
    pub(super) fn total(&self) -> u64 {
        self.buckets.iter().chain([&self.above]).map(Cell::get).sum()
    }

    pub(super) fn add_to(&self, sum: &mut Distribution) {
        sum.bounds = self.bounds;
        sum.counts.resize(N + 1, 0);
        for (count, cell) in sum.counts.iter_mut().zip(self.buckets.iter().chain([&self.above])) {
            *count += cell.get();
        }
        sum.sum_us += self.sum_us.get();
    }
}

/// What several histograms of one kind add up to.
#[derive(Debug, Default)]
pub(super) struct Distribution {
    pub(super) bounds: &'static [u32],
    /// One for each bound and one for what is above all of them; not cumulative.
    pub(super) counts: Vec<u64>,
    pub(super) sum_us: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(&GATEWAY_BUCKETS);
        for us in [0, 1_000, 1_001, 6_000_000, 6_000_001] {
            histogram.observe(Duration::from_micros(us));
        }
        let mut sum = Distribution::default();
        histogram.add_to(&mut sum);
        let at = |place: usize| sum.counts.get(place).copied();
        assert_eq!((at(0), at(1), at(16), at(17)), (Some(2), Some(1), Some(1), Some(1)));
        assert_eq!(sum.sum_us, 12_002_002);
    }
}
