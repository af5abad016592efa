//! What a plugin answered, checked: nothing here can split a message or break its framing.

mod answer;
mod carry;
mod edits;
mod lifted;
mod names;
mod routing;
mod target;

pub(crate) use answer::{answer, status};
pub(crate) use carry::carry;
pub(crate) use edits::{CheckedOp, edits};
pub(crate) use lifted::Apart;
pub(crate) use routing::routing;
pub(crate) use target::target;
