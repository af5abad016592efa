//! What answers "denied", so that a guest whose toolchain imports everything can still run: bodies, which
//! this gateway does not hand over yet, and what nodes share, for guests that were not granted it.

use wasmtime::Result;

use crate::plugin_host::bindings::weir::plugin::local_counters::Take;
use crate::plugin_host::bindings::weir::plugin::{body, shared_counters, shared_kv, types};
use crate::plugin_host::guest::CallState;

const DENIED: &str = "denied: it is not granted";

fn denied<T>() -> Result<Result<T, String>> {
    Ok(Err(DENIED.to_owned()))
}

/// For functions that have no way to say "denied".
fn trap<T>() -> Result<T> {
    Err(wasmtime::Error::msg(DENIED))
}

impl types::Host for CallState {}

impl body::Host for CallState {
    fn len(&mut self) -> Result<u64> {
        Ok(0)
    }

    fn read(&mut self, _: u64, _: u32) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn json_pointers(&mut self, _: Vec<String>) -> Result<Result<Vec<Option<String>>, String>> {
        denied()
    }

    fn sha256(&mut self) -> Result<Vec<u8>> {
        trap()
    }
}

impl shared_counters::Host for CallState {
    fn fixed_window(&mut self, _: String, _: u64, _: u64, _: u64) -> Result<Result<Take, String>> {
        denied()
    }

    fn sliding_window(&mut self, _: String, _: u64, _: u64, _: u64) -> Result<Result<Take, String>> {
        denied()
    }
}

impl shared_kv::Host for CallState {
    fn get(&mut self, _: String) -> Result<Result<Option<Vec<u8>>, String>> {
        denied()
    }

    fn put(&mut self, _: String, _: Vec<u8>, _: u64) -> Result<Result<(), String>> {
        denied()
    }

    fn compare_and_swap(
        &mut self,
        _: String,
        _: Option<Vec<u8>>,
        _: Vec<u8>,
        _: u64,
    ) -> Result<Result<bool, String>> {
        denied()
    }
}
