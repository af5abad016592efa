//! The inputs of a call, as what a verdict is the answer to: one assignment, and what its guest would be handed.

use crate::plugin_host::guest::{Held, ValueRef};

/// Bytes of a question beyond which nothing is kept.
const MAX_BYTES: usize = 4 << 10;

/// What one assignment was asked. A copy: inputs of an exchange lie in the buffer that its head was read into.
#[derive(Debug)]
pub(crate) struct Question(pub(super) Box<[u8]>);

/// Writes a question to `to`, so that two are the same only if a guest could not tell them apart; false if it is so
/// large that nothing is kept.
pub(super) fn write(assignment: u64, inputs: &[Held], to: &mut Vec<u8>) -> bool {
    to.clear();
    to.extend(assignment.to_ne_bytes());
    for held in inputs {
        match held.pairs() {
            Some(pairs) => {
                to.push(b'h');
                to.extend(pairs.clone().count().to_ne_bytes());
                pairs
                    .for_each(|(name, value)| [name.as_bytes(), value].iter().for_each(|part| put(part, to)));
            }
            None => match held.value() {
                ValueRef::Absent | ValueRef::Headers(_) => to.push(b'a'),
                ValueRef::Number(number) => {
                    to.push(b'n');
                    to.extend(number.to_ne_bytes());
                }
                ValueRef::Text(text) => {
                    to.push(b't');
                    put(text.as_bytes(), to);
                }
                ValueRef::Bytes(bytes) => {
                    to.push(b'b');
                    put(bytes, to);
                }
            },
        }
        if to.len() > MAX_BYTES {
            return false;
        }
    }
    true
}

fn put(part: &[u8], to: &mut Vec<u8>) {
    to.extend(part.len().to_ne_bytes());
    to.extend(part);
}
