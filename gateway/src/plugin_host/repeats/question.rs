//! The inputs of a call, as what a verdict is the answer to.

use std::hash::{BuildHasher, Hash, Hasher};

use bytes::Bytes;
use http::HeaderValue;

use crate::plugin_host::guest::{Held, ValueRef};

/// Bytes of inputs beyond which nothing is kept.
const MAX_BYTES: usize = 4 << 10;

/// What one assignment was asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(super) hash: u64,
    assignment: u64,
    inputs: Box<[Held]>,
}

impl Question {
    /// Copies the inputs: those of an exchange lie in the buffer that its head was read into.
    pub(super) fn new(hash: u64, assignment: u64, inputs: &[Held]) -> Self {
        Self { hash, assignment, inputs: inputs.iter().map(copied).collect() }
    }

    /// Whether it is this one, as a guest sees it.
    pub(super) fn is(&self, assignment: u64, inputs: &[Held]) -> bool {
        self.assignment == assignment
            && self.inputs.len() == inputs.len()
            && self.inputs.iter().zip(inputs).all(|(mine, other)| is_same(mine, other))
    }

    pub(super) fn bytes(&self) -> usize {
        self.inputs.iter().map(Held::bytes).sum()
    }
}

/// Of a question; none if it is so large that it is not kept.
pub(super) fn hash(hasher: &impl BuildHasher, assignment: u64, inputs: &[Held]) -> Option<u64> {
    let mut state = hasher.build_hasher();
    assignment.hash(&mut state);
    let mut bytes = 0;
    for held in inputs {
        bytes += held.bytes();
        if bytes > MAX_BYTES {
            return None;
        }
        match held.pairs() {
            Some(pairs) => pairs.for_each(|pair| pair.hash(&mut state)),
            None => held.value().hash(&mut state),
        }
    }
    Some(state.finish())
}

fn is_same(one: &Held, other: &Held) -> bool {
    match (one.pairs(), other.pairs()) {
        (Some(one), Some(other)) => one.eq(other),
        (None, None) => one.value() == other.value(),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn copied(held: &Held) -> Held {
    let value =
        |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    match held {
        Held::Headers(all) => Held::Headers(all.iter().map(|(name, of)| (name.clone(), value(of))).collect()),
        Held::Values(name, all) => {
            Held::Values(name.clone(), all.iter().map(|value| Bytes::copy_from_slice(value)).collect())
        }
        Held::Absent
        | Held::Static(_)
        | Held::Text(_)
        | Held::Record(_)
        | Held::Path(_)
        | Held::Query(_)
        | Held::Id(_)
        | Held::Bytes(_)
        | Held::Header(_)
        | Held::Number(_) => match held.value() {
            ValueRef::Text(text) => Held::Text(text.into()),
            ValueRef::Bytes(bytes) => Held::Bytes(Bytes::copy_from_slice(bytes)),
            ValueRef::Number(number) => Held::Number(number),
            ValueRef::Absent | ValueRef::Headers(_) => Held::Absent,
        },
    }
}
