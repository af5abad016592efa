//! `clock` and `random`.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::Result;
use wasmtime::component::Linker;

use crate::clock::Clock;
use crate::plugin_host::assignment::Core;
use crate::plugin_host::bindings::weir::plugin::{clock, random};
use crate::plugin_host::guest::CallState;

/// Random bytes that one call may ask for.
const MAX_RANDOM: u32 = 64 << 10;

impl Core {
    /// Wall-clock time in Unix milliseconds; in a trial the one that it sets.
    pub(super) fn unix_ms(&self) -> u64 {
        match &self.services.trial {
            Some(trial) => trial.clock.unix_ms(),
            None => Clock::system().unix_ms(),
        }
    }
}

/// A clock in which no time passes, for guests that describe themselves: language runtimes read one
/// before they begin, and what a plugin says of itself may not depend on it.
pub(crate) fn link_stopped_clock<T: 'static>(linker: &mut Linker<T>) -> Result<()> {
    let mut clock = linker.instance("weir:plugin/clock@0.1.0")?;
    for function in ["now-unix-ns", "monotonic-ns"] {
        clock.func_wrap(function, |_, ()| Ok((1_u64,)))?;
    }
    Ok(())
}

impl clock::Host for CallState {
    fn now_unix_ns(&mut self) -> Result<u64> {
        self.charge()?;
        if let Some(trial) = &self.core.services.trial {
            return Ok(trial.clock.unix_ms().saturating_mul(1_000_000));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
    }

    fn monotonic_ns(&mut self) -> Result<u64> {
        self.charge()?;
        if let Some(trial) = &self.core.services.trial {
            return Ok(trial.clock.unix_ms().saturating_mul(1_000_000));
        }
        let since = self.core.services.started.elapsed();
        Ok(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl random::Host for CallState {
    fn bytes(&mut self, n: u32) -> Result<Vec<u8>> {
        self.charge_bytes(usize::try_from(n)?)?;
        if !self.core.grants.random {
            return Err(wasmtime::Error::msg("`random` is not granted"));
        }
        if n > MAX_RANDOM {
            return Err(wasmtime::Error::msg("`random` gives 64 KiB at most"));
        }
        let mut bytes = vec![0; usize::try_from(n)?];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|_| wasmtime::Error::msg("the system has no randomness"))?;
        Ok(bytes)
    }
}
