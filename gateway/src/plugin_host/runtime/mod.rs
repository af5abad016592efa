//! Process lifetime: the engine, its clock of epochs, and how many instances may be alive.

mod capacity;
mod engine;
mod lane;
mod reserved;
mod ticker;

pub(crate) use capacity::{Capacity, Permit};
pub use engine::Fuel;
pub(crate) use engine::{compiling_engine, engine_id, running_engine};
pub(crate) use lane::{SlowLane, Turn};
pub(crate) use ticker::{Activity, Ticker};
