//! Write plugins for the Weir gateway in Rust.
//!
//! A plugin is a type: [`Plugin`] says what it is and checks its configuration, and one trait for
//! each phase does the work. [`export!`] makes the crate a component that exports just the phases
//! it names.
//!
//! ```
//! use weir_plugin_sdk::{
//!     About, ConfigProblem, Failure, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
//!     RequestVerdict, Setup,
//! };
//!
//! #[derive(serde::Deserialize, JsonSchema)]
//! struct Config {
//!     /// The header to add to responses.
//!     header: String,
//! }
//!
//! struct Greeter {
//!     header: String,
//! }
//!
//! impl Plugin for Greeter {
//!     type Config = Config;
//!
//!     fn about() -> About {
//!         About::new("greeter", env!("CARGO_PKG_VERSION")).description("Greets every caller")
//!     }
//!
//!     fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
//!         let header = config.header.to_ascii_lowercase();
//!         Ok((Self { header }, Setup::new().request_head(InputList::new())))
//!     }
//! }
//!
//! impl RequestHead for Greeter {
//!     fn on_request_head(&mut self, _inputs: &Inputs) -> Result<RequestVerdict, Failure> {
//!         Ok(Proceed::new().set_response_header(self.header.as_str(), "hello").into())
//!     }
//! }
//!
//! weir_plugin_sdk::export!(Greeter: request_head);
//! ```
//!
//! Inputs are named once, in `configure`, and handed with each call; edits are answered as a list.
//! A call therefore crosses into the plugin once and back once, and costs about a microsecond.
//!
//! `weir plugin build DIR` turns the crate into a component; `cargo test` runs it natively against
//! the pretend host of [`testing`]. The contract itself is `wit/plugin.wit`, and `wit/README.md`
//! says what each input and capability answers.
//!
//! A head phase says what happens to the body that follows: nothing (it streams past), `stream()` (each
//! chunk is handed over) or `buffer(n)` (the head waits for the whole body, which may be replaced).

mod about;
#[cfg(any(target_family = "wasm", test))]
mod allocator;
pub mod auth;
#[doc(hidden)]
pub mod bindings;
mod bodies;
mod edits;
#[doc(hidden)]
pub mod export;
mod host;
mod inputs;
mod plugin;
mod request;
mod response;
pub mod schema;
mod setup;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use about::{About, Capability};
pub use bindings::imports::weir::plugin::types::{
    AnswerBody, Failure, Header, HeaderOp, Input, LocalResponse, Phase, Value,
};
pub use bodies::{
    Chunk, DeliverWithBody, ProceedToRoute, ProceedWithBody, RequestBodyVerdict, ResponseBodyVerdict,
    RoutingChange, RoutingVerdict,
};
pub use edits::Answer;
pub use host::{
    body, cache, clock, counters, credentials, crypto, exchange, http, log_file, logging, metrics, random,
    secrets, shared_counters, shared_kv,
};
pub use inputs::{InputList, Inputs, Slot};
pub use plugin::{
    BeforeRouting, ConfigMigration, Log, LogEntry, Plugin, Repeatable, RequestBody, RequestHead,
    RequestStream, RequestTrailers, ResponseBody, ResponseHead, ResponseStream, ResponseTrailers,
};
pub use request::{Identity, Proceed, RequestVerdict, TargetChange};
pub use response::{Deliver, ResponseVerdict};
pub use schemars::{self, JsonSchema};
pub use setup::{ConfigProblem, LogBatch, Setup};

/// The memory of every plugin.
#[cfg(target_family = "wasm")]
#[global_allocator]
static MEMORY: allocator::SizeClasses = allocator::SizeClasses::new();
