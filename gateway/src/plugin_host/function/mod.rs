//! Functions: plain `wasi:http` 0.2 `proxy` components that answer in the upstream's place.
//!
//! A function is a version of a plugin like any other: uploaded, signed, assigned, granted, limited and
//! counted as such. What differs is its contract, which is not ours, and that it knows no phases: it is
//! called once, with the request, when the chain has let the request through. Each call has an instance of
//! its own, on a fiber in a task of its own, since it may send its answer while it still reads.
//!
//! It gets clocks, random numbers, its log, and the hosts that its `http-client` grant names. Its
//! environment is empty, and so is its file system. No wait of a guest outlives [`Cancel`]: alarms ring,
//! bodies break off, and the next tick of the clock ends it. A call is never dropped half-way.
//!
//! [`Cancel`]: super::guest::Cancel

mod bodies;
mod call;
mod clock;
mod imports;
mod log;
mod outgoing;
mod run;
mod state;

pub use call::{FunctionCall, FunctionHead, FunctionRequest};
pub(crate) use imports::linker;
pub(crate) use run::try_out;
pub(crate) use state::FunctionState;

pub(super) use run::{Task, run};
