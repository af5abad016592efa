//! `wasi:clocks/monotonic-clock`, with alarms that ring when the call is to end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Host};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::FunctionState;
use crate::plugin_host::guest::Cancel;

/// The clock speaks of the data of the store.
struct Clock;

impl HasData for Clock {
    type Data<'a> = &'a mut FunctionState;
}

pub(super) fn link(linker: &mut Linker<FunctionState>) -> Result<()> {
    monotonic_clock::add_to_linker::<_, Clock>(linker, |state| state)
}

impl Host for FunctionState {
    fn now(&mut self) -> Result<u64> {
        let since = self.call.core.services.started.elapsed();
        Ok(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<DynPollable>> {
        let now = self.now()?;
        self.subscribe_duration(when.saturating_sub(now))
    }

    fn subscribe_duration(&mut self, nanos: u64) -> Result<Resource<DynPollable>> {
        let at = Instant::now().checked_add(Duration::from_nanos(nanos));
        let alarm = Alarm { at, cancel: Arc::clone(&self.call.cancel) };
        let alarm = self.table.push(alarm)?;
        subscribe(&mut self.table, alarm)
    }
}

struct Alarm {
    /// `None` is later than can be said.
    at: Option<Instant>,
    cancel: Arc<Cancel>,
}

#[async_trait]
impl Pollable for Alarm {
    async fn ready(&mut self) {
        // Others get their turn also between alarms that are due at once.
        tokio::task::yield_now().await;
        let rings = async {
            match self.at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = rings => {}
            () = self.cancel.wait() => {}
        }
    }
}
