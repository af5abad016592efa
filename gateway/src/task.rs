//! Named, supervised tasks: a panic ends one task, is counted and logged, and is never lost.
//!
//! Everything that runs beside its caller starts here, so that each task has a name and an owner.
//! It deliberately does not start a task again after a panic: only the owner knows whether its
//! state is still good.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinHandle;

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Runs `future` on the current runtime. The handle gives `None` if it panicked.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<Option<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(supervise(name, future))
}

/// Runs `future` on the current thread, inside a `LocalSet`. The handle gives `None` if it panicked.
pub fn spawn_local<F>(name: &'static str, future: F) -> JoinHandle<Option<F::Output>>
where
    F: Future + 'static,
{
    // Boxed: a future that holds another one that it was given has room for it twice.
    tokio::task::spawn_local(supervise(name, Box::pin(future)))
}

/// Lets all tasks of this thread run that are ready. It does not look for what has become ready since: that is left
/// to the runtime, which does it often enough, and a look costs a system call.
pub async fn after_others() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Processor time that this thread has used. A system call.
pub fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Runs `work` in the caller's place; `None` if it panicked.
pub fn guard<T>(name: &'static str, work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| report(name, panic.as_ref())).ok()
}

/// Runs `future` inside the caller's own task; `None` if it panicked. Costs no allocation.
pub async fn supervise<F: Future>(name: &'static str, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        // The future is dropped after a panic and never polled again, so nobody sees it half-changed.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(panic) => {
                report(name, panic.as_ref());
                Poll::Ready(None)
            }
        }
    })
    .await
}

/// Panics caught since the start of the process.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

fn report(name: &'static str, panic: &(dyn Any + Send)) {
    PANICS.fetch_add(1, Ordering::Relaxed);
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(task = name, panic = text.unwrap_or("not a text"), "a task panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[tokio::test]
    async fn a_panic_is_counted_and_ends_only_its_own_task() {
        let before = panics();
        let broken = spawn("broken", async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        });
        let sound = spawn("sound", async { 7 });
        assert_eq!(broken.await.expect("the panic was caught inside"), None::<()>);
        assert_eq!(sound.await.expect("not cancelled"), Some(7));
        assert!(panics() > before);
    }

    async fn note(order: Arc<Mutex<Vec<&'static str>>>, name: &'static str) {
        order.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }

    #[tokio::test]
    async fn whoever_is_ready_comes_first_and_nobody_waits_for_whoever_is_not() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let step = |name: &'static str| note(Arc::clone(&order), name);
        let (first, second) = (step("first"), step("second"));
        let gathered = spawn("gathers", async {
            first.await;
            after_others().await;
            second.await;
        });
        let other = spawn("ready", step("other"));
        let asleep = spawn("asleep", std::future::pending::<()>());
        assert_eq!(gathered.await.expect("not cancelled"), Some(()));
        assert!(other.is_finished() && !asleep.is_finished());
        assert_eq!(*order.lock().expect("no panic"), ["first", "other", "second"]);
        asleep.abort();
    }

    #[test]
    fn guard_catches_a_panic_of_a_plain_call() {
        assert_eq!(guard("fine", || 3), Some(3));
        assert_eq!(guard("broken", || -> u8 { panic!("on purpose") }), None);
    }
}
