//! What uploaded bytes are by their first bytes, so that a mistake is called by its name.
//!
//! Everything after the header is left to the outline.

use wasmparser::{Encoding, Parser, Payload};

use crate::plugin_host::AdmissionError;

/// Whether `bytes` begin like a component.
///
/// # Errors
///
/// [`AdmissionError::NotAComponent`] with what they are instead, and what to do about it.
pub(super) fn check(bytes: &[u8]) -> Result<(), AdmissionError> {
    let refuse = |what: &str| Err(AdmissionError::NotAComponent(what.to_owned()));
    if bytes.is_empty() {
        return refuse("it is empty");
    }
    if bytes.starts_with(b"\x7fELF") || wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return refuse("it is machine code; upload the .wasm component itself");
    }
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"(component") || text.starts_with(b"(module") || text.starts_with(b";;") {
        return refuse("it is WebAssembly text; upload the binary form");
    }
    if !bytes.starts_with(b"\0asm") {
        return refuse("it does not begin with the WebAssembly magic bytes");
    }
    if Parser::is_core_wasm(bytes) {
        return refuse("it is a core module; make a component of it, for instance with `weir plugin build`");
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => Ok(()),
        Some(Err(error)) => refuse(&error.to_string()),
        Some(Ok(_)) | None => refuse("it has no component header"),
    }
}
