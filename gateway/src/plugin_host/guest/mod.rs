//! Call lifetime: one store with its limits, what the guest is handed, and what comes back.

mod arena;
mod body_work;
mod handles;
mod instance;
mod limiter;
pub(crate) mod processor_time;
mod start;
mod state;
mod suspended;
mod traces;
pub(crate) mod verdict;
mod wire;
mod work;

pub(crate) use arena::{Arena, Inputs};
pub(crate) use body_work::BodyWork;
pub(crate) use handles::Handles;
pub(crate) use instance::{Instance, trapped};
pub(crate) use limiter::MemoryLimiter;
pub(crate) use start::{bound, start, start_suspending};
pub(crate) use state::{CallState, Cancel, MustWait, Spent};
pub(crate) use suspended::{Ended, Suspended};
pub(crate) use verdict::{RequestVerdict, ResponseVerdict};
pub(crate) use wire::{EntryRef, Held, LogEntry, ValueRef, lists_of, values_of};
pub(crate) use work::{Outcome, Work};
