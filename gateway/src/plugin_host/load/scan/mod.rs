//! A first look at uploaded bytes, before any validator or compiler: what they are, what they import,
//! and whether their shape stays within bounds that no honest plugin comes near.
//!
//! Whether a component is valid is not decided here; the compiler does that, in its own process.
//! Nothing here recurses deeper than its bounds: a stack that overflows would end the gateway.

mod bounds;
mod imports;
mod kind;
mod outline;
mod types;

#[cfg(test)]
mod tests;

use wasmparser::BinaryReaderError;

use crate::plugin_host::AdmissionError;

/// What a component was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// The contract of plugins.
    Contract,
    /// `wasi:http`: it answers in the upstream's place.
    Function,
}

/// Looks at a component whose memories may begin with `max_memory` bytes at most.
///
/// # Errors
///
/// What it is instead of a component, which bound it passes, or what it imports without need.
pub(crate) fn scan(bytes: &[u8], max_memory: usize) -> Result<Written, AdmissionError> {
    kind::check(bytes)?;
    outline::check(bytes, max_memory)
}

/// The bytes do not even have the outline of a component.
fn broken(error: BinaryReaderError) -> AdmissionError {
    AdmissionError::NotAComponent(error.to_string())
}
