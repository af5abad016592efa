//! `clock` and `random`.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::Result;

use crate::plugin_host::bindings::weir::plugin::{clock, random};
use crate::plugin_host::guest::CallState;

/// Random bytes that one call may ask for.
const MAX_RANDOM: u32 = 64 << 10;

impl clock::Host for CallState {
    fn now_unix_ns(&mut self) -> Result<u64> {
        self.charge()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
    }

    fn monotonic_ns(&mut self) -> Result<u64> {
        self.charge()?;
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
