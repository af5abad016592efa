//! A call on a fiber, and what becomes of it when nobody waits for it any more.
//!
//! A call that was begun is always run to its end: dropping it half-way has been the source of
//! faults in the engine. When the client leaves, the call is told to end and handed to a task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::{Cancel, Instance, Outcome};
use crate::exchange::Exchange;
use crate::plugin_host::CallFailure;

/// A call that has come to its end.
pub(crate) struct Ended {
    /// None if none could be started.
    pub(crate) instance: Option<Instance>,
    /// None in the log phase.
    pub(crate) exchange: Option<Box<Exchange>>,
    pub(crate) answer: Result<Outcome, CallFailure>,
}

/// A running call.
pub(crate) struct Suspended {
    call: Option<Pin<Box<dyn Future<Output = Ended> + Send>>>,
    cancel: Arc<Cancel>,
    wall: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    late: bool,
}

impl Suspended {
    /// `call` must end soon after `cancel` is set. It may take `wall` until that happens.
    pub(crate) fn new(
        call: impl Future<Output = Ended> + Send + 'static,
        cancel: Arc<Cancel>,
        wall: Duration,
    ) -> Self {
        Self { call: Some(Box::pin(call)), cancel, wall, alarm: None, late: false }
    }
}

impl Future for Suspended {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let Some(call) = self.call.as_mut() else {
            return Poll::Pending;
        };
        if let Poll::Ready(mut ended) = call.as_mut().poll(context) {
            self.call = None;
            // Also if it answered after all: whether a guest that was told to end still does is a matter of chance.
            if self.late {
                ended.answer = Err(CallFailure::WallTime);
            }
            return Poll::Ready(ended);
        }
        // A timer is only made for a call that really waits.
        if !self.late {
            let wall = self.wall;
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(wall)));
            if alarm.as_mut().poll(context).is_ready() {
                self.late = true;
                self.cancel.set();
            }
        }
        Poll::Pending
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        self.cancel.set();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { drop(call.await) });
        }
    }
}
