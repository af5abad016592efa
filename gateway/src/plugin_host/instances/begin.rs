//! How calls begin: with an instance that is fresh, and on a fiber.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::exchange::Exchange;
use crate::plugin_host::CallFailure;
use crate::plugin_host::assignment::Core;
use crate::plugin_host::guest::{self, Ended, Instance, Suspended, Work};
use crate::plugin_host::runtime::{Permit, Turn};

/// A fresh instance, configured as it was when it was assigned.
pub(crate) fn fresh(core: &Arc<Core>, permit: Permit) -> Result<Instance, CallFailure> {
    let (instance, said) = guest::start(core, permit)?;
    agreed(instance, said.is_ok())
}

/// A fresh instance whose calls run on fibers.
pub(crate) async fn fresh_suspending(core: &Arc<Core>, permit: Permit) -> Result<Instance, CallFailure> {
    let (instance, said) = guest::start_suspending(core, permit).await?;
    agreed(instance, said.is_ok())
}

fn agreed(instance: Instance, said: bool) -> Result<Instance, CallFailure> {
    if said {
        Ok(instance)
    } else {
        Err(CallFailure::Start("it refuses a configuration that it took before".into()))
    }
}

/// A call on a fiber, with a warm instance or room for a fresh one; with a turn, on a thread of the slow
/// lane.
pub(super) fn suspended(
    core: Arc<Core>,
    (instance, turn): (Result<Instance, Option<Permit>>, Option<Turn>),
    exchange: Option<Box<Exchange>>,
    work: Work,
    wall: Duration,
) -> Suspended {
    let cancel = Arc::<guest::Cancel>::default();
    let told = Arc::clone(&cancel);
    let services = Arc::clone(&core.services);
    let asked = turn.as_ref().map(|_| Instant::now());
    let call = async move {
        // The clock of epochs must not doze when a call has waited for its turn.
        let queued = asked.map_or(Duration::ZERO, |asked| asked.elapsed());
        core.services.control.call();
        if told.is_set() {
            return Ended { instance: None, exchange, answer: Err(CallFailure::WallTime) };
        }
        let instance = match instance {
            Ok(instance) => Ok(instance),
            Err(Some(permit)) => fresh_suspending(&core, permit).await,
            Err(None) => Err(CallFailure::Capacity),
        };
        let mut instance = match instance {
            Ok(instance) => instance,
            Err(failure) => {
                return Ended { instance: None, exchange, answer: Err(failure) };
            }
        };
        instance.state().cancel = told;
        instance.begin(exchange, core.limits.guest_ms);
        let answer = match instance.suspends() {
            true => instance.run_suspending(&work).await,
            // It was kept for a body when its plugin still ran on the workers.
            false => instance.run(&work),
        };
        instance.state().spent.queued = queued;
        let exchange = instance.state().exchange.take();
        Ended { instance: Some(instance), exchange, answer }
    };
    match turn {
        Some(turn) => Suspended::new(services.lane.run(turn, call), cancel, wall),
        None => Suspended::new(call, cancel, wall),
    }
}
