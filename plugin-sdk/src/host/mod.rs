//! The calls that a plugin can make into the gateway, one module for each interface.
//!
//! In a component they are the imports of the contract; in a native build, which is to say in
//! tests, they speak to [`crate::testing::Host`].

pub mod body;
pub mod cache;
pub mod clock;
pub mod counters;
pub mod credentials;
pub mod crypto;
pub mod exchange;
pub mod http;
pub mod log_file;
pub mod logging;
pub mod metrics;
pub mod random;
pub mod secrets;
pub mod shared_counters;
pub mod shared_kv;

#[cfg(target_family = "wasm")]
use crate::bindings::imports::weir::plugin as raw;
#[cfg(not(target_family = "wasm"))]
use crate::testing::raw;
