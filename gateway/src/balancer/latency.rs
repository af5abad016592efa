//! How long an address takes to answer, as a moving average that forgets in ten seconds.
//!
//! A peak counts at once, so that an address that stalls is left alone from its first slow answer on;
//! what is better than the average sinks in slowly, by Kong's decay. An address that gets no requests is
//! forgiven with time, and so gets one to try again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Kong's `DECAY_TIME`.
const DECAY_MS: f32 = 10_000.0;

/// A moving average with the moment of its last value, in one word.
#[derive(Debug, Default)]
pub(super) struct Average(AtomicU64);

impl Average {
    /// The average in milliseconds at `now_ms`; `None` before the first value.
    pub(super) fn at(&self, now_ms: u32) -> Option<f32> {
        let (average, touched) = unpack(self.0.load(Ordering::Relaxed))?;
        Some(average * fade(touched, now_ms))
    }

    /// Takes in one more value. Of two workers at the same moment one may win.
    pub(super) fn observe(&self, took: Duration, now_ms: u32) {
        let took = took.as_secs_f32() * 1000.0;
        let next = match unpack(self.0.load(Ordering::Relaxed)) {
            None => took,
            Some((average, _)) if took > average => took,
            Some((average, touched)) => {
                let keep = fade(touched, now_ms);
                average * keep + took * (1.0 - keep)
            }
        };
        self.begin(next, now_ms);
    }

    /// Begins with the average of the others: a new address is neither flooded nor left out.
    pub(super) fn begin(&self, average_ms: f32, now_ms: u32) {
        let bits = u64::from(average_ms.max(f32::MIN_POSITIVE).to_bits());
        self.0.store((bits << 32) | u64::from(now_ms), Ordering::Relaxed);
    }
}

/// `None` for zero, which no value is stored as.
fn unpack(word: u64) -> Option<(f32, u32)> {
    let bits = u32::try_from(word >> 32).ok().filter(|bits| *bits != 0)?;
    let touched = u32::try_from(word & u64::from(u32::MAX)).ok()?;
    Some((f32::from_bits(bits), touched))
}

/// What is left of a value after the time since then. The clock wraps after 49 days.
fn fade(touched: u32, now_ms: u32) -> f32 {
    let since = now_ms.wrapping_sub(touched);
    // A worker that looked at the clock a moment earlier is not 49 days late.
    if since > u32::MAX / 2 {
        return 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the last value: the size matters")]
    let since = since as f32;
    (-since / DECAY_MS).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_in_time() {
        let average = Average::default();
        assert_eq!(average.at(0), None);
        average.observe(ms(10), 1_000);
        average.observe(ms(500), 1_001);
        let peak = average.at(1_001).unwrap();
        assert!((peak - 500.0).abs() < 0.1, "{peak}");
        average.observe(ms(10), 1_100);
        let little_later = average.at(1_100).unwrap();
        assert!(little_later > 450.0, "one good answer changes little: {little_later}");
        let forgiven = average.at(41_100).unwrap();
        assert!(forgiven < 15.0, "{forgiven}");
    }

    #[test]
    fn the_clock_may_wrap_and_workers_may_disagree() {
        let average = Average::default();
        average.observe(ms(100), u32::MAX - 5);
        assert!(average.at(4).unwrap() > 99.0, "ten milliseconds later");
        assert!(average.at(u32::MAX - 6).unwrap() > 99.0, "a millisecond earlier");
    }
}
