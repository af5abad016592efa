//! How many ticks a guest has used, by the processor time of the thread that it runs on.
//!
//! The engine's clock is looked at between instructions only, and one instruction may fill or copy all
//! of a guest's memory: it takes tens of milliseconds, and is seen as one tick. From a call's second tick
//! on, what counts is therefore the time that the thread has computed since the tick before.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use crate::task::thread_time;

/// Nanoseconds of a tick.
const TICK: u64 = 1_000_000;

thread_local! {
    /// Since when the guest on this thread runs without a break; none before its first tick.
    static SINCE: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// A call begins on this thread. To look at the clock here would cost each call a system call; what goes
/// by before its first tick therefore counts as one.
pub(crate) fn begin() {
    SINCE.set(None);
}

/// A call goes on after others have used the thread.
pub(crate) fn resume() {
    SINCE.set(Some(thread_time()));
}

/// A call on a fiber: whenever it goes on, so does its time.
pub(crate) async fn counted<F: Future>(call: F) -> F::Output {
    let mut call = pin!(call);
    poll_fn(|context| {
        resume();
        call.as_mut().poll(context)
    })
    .await
}

/// Ticks since the one before, the present one included: one at least.
pub(crate) fn ticks() -> u64 {
    let now = thread_time();
    let since = SINCE.replace(Some(now));
    since.map_or(1, |since| rounded(now.saturating_sub(since)).max(1))
}

fn rounded(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).saturating_add(TICK / 2) / TICK
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn compute(time: Duration) {
        let (begun, mut sum) = (thread_time(), 0_u64);
        while thread_time().saturating_sub(begun) < time {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }

    #[test]
    fn a_long_instruction_counts_as_long_as_it_took() {
        begin();
        compute(Duration::from_millis(20));
        assert_eq!(ticks(), 1, "the first tick has nothing to be compared with");
        compute(Duration::from_millis(20));
        assert!((20..25).contains(&ticks()));
        assert_eq!(ticks(), 1);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a thread that sleeps is what is tested")]
    fn neither_sleep_nor_the_work_of_others_counts() {
        begin();
        ticks();
        let asleep = Instant::now();
        std::thread::sleep(Duration::from_millis(30));
        assert!(asleep.elapsed() >= Duration::from_millis(30));
        assert_eq!(ticks(), 1);
        compute(Duration::from_millis(20));
        resume();
        assert_eq!(ticks(), 1);
    }
}
