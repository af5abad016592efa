//! The one place where machine code from disk is trusted.

use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads an artifact whose authenticity `Artifacts` has checked.
///
/// # Errors
///
/// If it was made by another engine.
#[expect(
    unsafe_code,
    reason = "deserializing runs the bytes as native code; the caller has checked their HMAC under a key \
              that only this node has, so they are what its own compiler wrote"
)]
pub(crate) fn load(engine: &Engine, authentic: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `authentic` was written by `Component::serialize` in this node's compiler process
    // and has not been changed since; the engine checks version, target and settings itself.
    unsafe { Component::deserialize(engine, authentic) }
}
