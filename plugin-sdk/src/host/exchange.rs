//! The exchange that the running call belongs to. What is known beforehand is cheaper as an input.

use crate::{Input, Value};

use super::raw::exchange;

/// Several inputs in one call, in the same order.
pub fn get_many(what: &[Input]) -> Vec<Value> {
    exchange::get_many(what)
}

/// A value that an earlier plugin or phase left.
pub fn attribute(key: &str) -> Option<String> {
    exchange::attribute(key)
}

/// Leaves a value for later phases, later plugins and the access log.
pub fn set_attribute(key: &str, value: &str) {
    exchange::set_attribute(key, value);
}

/// The groups of the caller that an earlier plugin found: those that it named, or else those of the consumer's
/// `acls`. Empty for a caller that nobody knows.
pub fn groups() -> Vec<String> {
    exchange::groups()
}

/// Microseconds of guest time left in this call.
pub fn budget_left() -> u64 {
    exchange::budget_left()
}
