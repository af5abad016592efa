//! Verdicts that a worker gives again in place of a call, for plugins that allow it.
//!
//! A plugin says that nothing but its configuration and its inputs decides (`repeatable` of the contract); the
//! gateway sees to it that this is so: a verdict is kept only if its call asked for nothing that may answer
//! otherwise the next time, and given again only while what it did ask for would be answered the same. Nothing here is
//! shared between threads, and what is kept has a bound.

mod basis;
mod question;
mod worth;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use foldhash::fast::RandomState;

pub(crate) use self::basis::{Basis, Look};
pub(crate) use self::question::Question;
use self::worth::Worth;
use super::Directory;
use super::guest::Held;
use crate::exchange::Exchange;

/// Bytes that the verdicts of one worker may take, questions included. Half of them are the newer ones.
const MAX_BYTES: usize = 4 << 20;
/// One verdict with its question.
const MAX_ENTRY: usize = 8 << 10;
/// What an entry takes beside its contents, roughly.
const ENTRY: usize = 320;

/// The verdicts of one worker.
pub(crate) struct Repeats<V> {
    /// Those that were made or used since the last time that half of the room was full.
    newer: Answers<V>,
    /// Those from before. They go when it is full again.
    older: Answers<V>,
    /// Of `newer`.
    bytes: usize,
    worth: HashMap<u64, Worth, RandomState>,
    /// Where questions are written.
    asked: Vec<u8>,
}

/// By question.
type Answers<V> = HashMap<Box<[u8]>, Entry<V>, RandomState>;

struct Entry<V> {
    looks: Vec<Look>,
    verdict: V,
    bytes: usize,
}

/// What is known about a question.
pub(crate) enum Known<V> {
    /// Its verdict.
    Verdict(V),
    /// Nothing: the answer may be kept.
    Nothing(Question),
    /// Nothing, and the answer is not worth keeping.
    Never,
}

impl<V> Default for Repeats<V> {
    fn default() -> Self {
        Self {
            newer: HashMap::default(),
            older: HashMap::default(),
            bytes: 0,
            worth: HashMap::default(),
            asked: Vec::new(),
        }
    }
}

impl<V: Clone> Repeats<V> {
    /// What `assignment` said to `inputs`, if it would say so again.
    pub(crate) fn look_up(
        &mut self,
        assignment: u64,
        inputs: &[Held],
        (exchange, directory): (&Exchange, &dyn Directory),
    ) -> Known<V> {
        let worth = self.worth.entry(assignment).or_default();
        if !worth.is_asked() || !question::write(assignment, inputs, &mut self.asked) {
            return Known::Never;
        }
        let holds = |entry: &Entry<V>| entry.looks.iter().all(|look| look.holds(exchange, directory));
        if let Some(entry) = self.newer.get(&*self.asked).filter(|entry| holds(entry)) {
            worth.has_known();
            return Known::Verdict(entry.verdict.clone());
        }
        if let Some((question, entry)) =
            self.older.remove_entry(&*self.asked).filter(|(_, entry)| holds(entry))
        {
            worth.has_known();
            let verdict = entry.verdict.clone();
            self.put(question, entry);
            return Known::Verdict(verdict);
        }
        Known::Nothing(Question(self.asked.as_slice().into()))
    }

    /// Keeps a verdict of `bytes` bytes that rests on `basis`, if it may be given again.
    pub(crate) fn keep(&mut self, Question(question): Question, basis: Basis, verdict: V, bytes: usize) {
        let Basis::Looks(looks) = basis else { return };
        let looked: usize = looks.iter().map(Look::bytes).sum();
        let bytes = ENTRY + question.len() + looked + bytes;
        if bytes <= MAX_ENTRY {
            self.put(question, Entry { looks, verdict, bytes });
        }
    }

    /// Forgets everything: assignments have gone, and nobody will ask for theirs any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn put(&mut self, question: Box<[u8]>, entry: Entry<V>) {
        self.bytes += entry.bytes;
        if let Some(before) = self.newer.insert(question, entry) {
            self.bytes = self.bytes.saturating_sub(before.bytes);
        }
        if self.bytes > MAX_BYTES / 2 {
            self.older = std::mem::take(&mut self.newer);
            self.bytes = 0;
        }
    }
}
