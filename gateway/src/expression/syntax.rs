//! An expression as it is written: names are not looked up yet, and types may not fit.

use std::net::IpAddr;

use regex::bytes::Regex;

use super::AddressBlock;

/// An expression; a list is never empty.
#[derive(Debug)]
pub(super) enum Syntax {
    All(Vec<Syntax>),
    Any(Vec<Syntax>),
    Not(Box<Syntax>),
    Comparison(Comparison),
}

/// A field, an operator and a value.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) field: String,
    pub(super) lower: bool,
    pub(super) any: bool,
    pub(super) operator: Operator,
    pub(super) value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equals,
    NotEquals,
    Matches,
    StartsWith,
    EndsWith,
    AtLeast,
    Greater,
    AtMost,
    Less,
    In,
    NotIn,
    Contains,
}

/// A literal.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    /// The text behind `~`.
    Pattern(Regex),
    Number(i64),
    Address(IpAddr),
    Block(AddressBlock),
}
