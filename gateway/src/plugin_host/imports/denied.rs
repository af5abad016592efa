//! What nodes share answers "denied" to guests that were not granted it, so that a guest whose toolchain
//! imports everything can still run.

use wasmtime::Result;

use crate::plugin_host::bindings::weir::plugin::local_counters::{Take, Window};
use crate::plugin_host::bindings::weir::plugin::{shared_counters, shared_kv, types};
use crate::plugin_host::guest::CallState;

const DENIED: &str = "denied: it is not granted";

fn denied<T>() -> Result<Result<T, String>> {
    Ok(Err(DENIED.to_owned()))
}

impl types::Host for CallState {}

impl shared_counters::Host for CallState {
    fn fixed_window(&mut self, _: String, _: u64, _: u64, _: u64) -> Result<Result<Take, String>> {
        denied()
    }

    fn sliding_window(&mut self, _: String, _: u64, _: u64, _: u64) -> Result<Result<Take, String>> {
        denied()
    }

    fn take_windows(&mut self, _: Vec<Window>, _: u64) -> Result<Result<Vec<Take>, String>> {
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
