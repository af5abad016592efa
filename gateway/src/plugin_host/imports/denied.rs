//! Capabilities of the contract that this gateway does not have yet: they answer "denied", so that
//! a guest whose toolchain imports everything can still run.

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::plugin_host::bindings::weir::plugin::local_counters::Take;
use crate::plugin_host::bindings::weir::plugin::{
    crypto, local_cache, secrets, shared_counters, shared_kv, types,
};
use crate::plugin_host::guest::CallState;

const DENIED: &str = "denied: this gateway does not have this capability yet";

fn denied<T>() -> Result<Result<T, String>> {
    Ok(Err(DENIED.to_owned()))
}

/// For functions that have no way to say "denied".
fn trap<T>() -> Result<T> {
    Err(wasmtime::Error::msg(DENIED))
}

impl types::Host for CallState {}

impl secrets::Host for CallState {
    fn open(&mut self, _: String) -> Result<Result<Resource<secrets::Secret>, String>> {
        denied()
    }
}

impl secrets::HostSecret for CallState {
    fn hmac_sha256(&mut self, _: Resource<secrets::Secret>, _: Vec<u8>) -> Result<Vec<u8>> {
        trap()
    }

    fn equals(&mut self, _: Resource<secrets::Secret>, _: Vec<u8>) -> Result<bool> {
        trap()
    }

    fn reveal(&mut self, _: Resource<secrets::Secret>) -> Result<Result<Vec<u8>, ()>> {
        Ok(Err(()))
    }

    fn drop(&mut self, _: Resource<secrets::Secret>) -> Result<()> {
        Ok(())
    }
}

impl crypto::Host for CallState {
    fn hmac(&mut self, _: crypto::Digest, _: Vec<u8>, _: Vec<u8>) -> Result<Vec<u8>> {
        trap()
    }

    fn hash(&mut self, _: crypto::Digest, _: Vec<u8>) -> Result<Vec<u8>> {
        trap()
    }
}

impl crypto::HostPublicKey for CallState {
    fn from_jwk(&mut self, _: String) -> Result<Result<Resource<crypto::PublicKey>, String>> {
        denied()
    }

    fn from_pem(&mut self, _: String) -> Result<Result<Resource<crypto::PublicKey>, String>> {
        denied()
    }

    fn verify(
        &mut self,
        _: Resource<crypto::PublicKey>,
        _: crypto::Algorithm,
        _: Vec<u8>,
        _: Vec<u8>,
    ) -> Result<bool> {
        Ok(false)
    }

    fn drop(&mut self, _: Resource<crypto::PublicKey>) -> Result<()> {
        Ok(())
    }
}

impl local_cache::Host for CallState {
    fn get(&mut self, _: String) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn put(&mut self, _: String, _: Vec<u8>, _: u64) -> Result<Result<(), String>> {
        denied()
    }

    fn delete(&mut self, _: String) -> Result<()> {
        Ok(())
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
