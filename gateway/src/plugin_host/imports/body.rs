//! `body`: the body that the host holds during a call.
//!
//! Passes over the body are host time, which the guest's clock does not see. They are paid for in host
//! calls, one for each 16 KiB.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wasmtime::Result;

use super::json_pointers;
use crate::plugin_host::bindings::weir::plugin::{body, chunks};
use crate::plugin_host::guest::CallState;

/// Bytes that one read answers at most.
const MAX_READ: usize = 1 << 20;
/// Pointers of one pass.
const MAX_POINTERS: usize = 64;
/// Bytes of a pass that cost one host call.
const BYTES_A_CALL: usize = 16 << 10;

/// The body of the running call; empty outside of one.
#[derive(Debug, Default)]
pub(crate) struct HeldBody {
    bytes: Bytes,
    sha256: Option<[u8; 32]>,
}

impl HeldBody {
    pub(crate) fn put(&mut self, bytes: Bytes) {
        *self = Self { bytes, sha256: None };
    }

    pub(crate) fn take(&mut self) {
        *self = Self::default();
    }
}

impl CallState {
    /// Charges for one pass over the body.
    fn charge_pass(&mut self) -> Result<()> {
        for _ in 0..=self.body.bytes.len() / BYTES_A_CALL {
            self.charge()?;
        }
        Ok(())
    }
}

impl chunks::Host for CallState {}

impl body::Host for CallState {
    fn len(&mut self) -> Result<u64> {
        self.charge()?;
        Ok(self.body.bytes.len() as u64)
    }

    fn read(&mut self, offset: u64, max: u32) -> Result<Vec<u8>> {
        self.charge()?;
        let rest = usize::try_from(offset).ok().and_then(|offset| self.body.bytes.get(offset..));
        let rest = rest.unwrap_or_default();
        let most = usize::try_from(max).unwrap_or(MAX_READ).min(MAX_READ).min(rest.len());
        Ok(rest.get(..most).unwrap_or_default().to_vec())
    }

    fn json_pointers(&mut self, pointers: Vec<String>) -> Result<Result<Vec<Option<String>>, String>> {
        self.charge_pass()?;
        if pointers.len() > MAX_POINTERS {
            return Ok(Err(format!("more than {MAX_POINTERS} pointers")));
        }
        Ok(json_pointers::find(&self.body.bytes, &pointers))
    }

    fn sha256(&mut self) -> Result<Vec<u8>> {
        if self.body.sha256.is_none() {
            self.charge_pass()?;
        }
        self.charge()?;
        let bytes = &self.body.bytes;
        Ok(self.body.sha256.get_or_insert_with(|| Sha256::digest(bytes).into()).to_vec())
    }
}
