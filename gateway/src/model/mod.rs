//! What an operator can say, valid by construction.
//!
//! A value of these types has passed its kind's rules. No I/O and nothing async in here.

mod kinds;
mod record;

pub use kinds::{Consumer, PathHandling, Plugin, Protocol, Route, Service};
pub use record::{Document, Link, OnDelete, Record, UniqueKey};
