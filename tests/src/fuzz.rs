//! Fuzzing without a special compiler: inputs made from a corpus by small changes, for a set time.
//!
//! `WEIR_FUZZ_SECONDS` is the time of each target (2 unless set), `WEIR_FUZZ_SEED` where its chances begin. A
//! target that panics is a find: the input is printed, and belongs into a test of its own.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Bytes that parsers tend to treat in a way of their own.
const ODD: &[u8] = b"\0\t\n\r \"#%&'()*+,-./0:;<=>?@[\\]^_`{|}~\x7f\x80\xc0\xe2\xff";

/// Longest input.
const MOST_BYTES: usize = 4096;

/// Runs `target` on inputs made from `corpus` and `words` until the time is up, and says how many there
/// were.
///
/// # Panics
///
/// If the target does.
pub fn fuzz(name: &str, corpus: &[&[u8]], words: &[&str], target: impl Fn(&[u8])) -> u64 {
    let seconds = number("WEIR_FUZZ_SECONDS").unwrap_or(2);
    let seed = number("WEIR_FUZZ_SEED").unwrap_or(0x5eed);
    let mut chance = Chance(seed | 1);
    let began = Instant::now();
    let mut runs = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..100 {
            let input = make(corpus, words, &mut chance);
            runs += 1;
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
                eprintln!("{name}: input {runs} of seed {seed}: b\"{}\"", input.escape_ascii());
                resume_unwind(panic);
            }
        }
    }
    println!("{name}: {runs} inputs in {seconds} s");
    runs
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// One of the corpus, changed in up to eight places.
fn make(corpus: &[&[u8]], words: &[&str], chance: &mut Chance) -> Vec<u8> {
    let mut input = chance.one_of(corpus).map(|bytes| bytes.to_vec()).unwrap_or_default();
    for _ in 0..chance.below(9) {
        let at = chance.below(input.len() + 1);
        let to = (at + chance.below(9)).min(input.len());
        match chance.below(7) {
            0 => input.splice(at..to, None).for_each(drop),
            1 => input.insert(at, chance.one_of(ODD).copied().unwrap_or_default()),
            2 => input.insert(at, chance.below(256) as u8),
            3 => {
                let word = chance.one_of(words).copied().unwrap_or_default();
                input.splice(at..at, word.bytes()).for_each(drop);
            }
            4 => {
                let again = input.get(at..to).unwrap_or_default().to_vec();
                input.splice(at..at, again).for_each(drop);
            }
            5 => {
                let other = chance.one_of(corpus).copied().unwrap_or_default();
                let from = chance.below(other.len() + 1);
                input.splice(at.., other.iter().skip(from).copied()).for_each(drop);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
        }
    }
    input.truncate(MOST_BYTES);
    input
}

/// Numbers without order (xorshift, G. Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn one_of<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        list.get(self.below(list.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_one_byte_makes_is_found() {
        let found = catch_unwind(|| {
            fuzz("planted", &[b"harmless"], &["word"], |input| {
                assert!(!input.contains(&b'#'), "the planted fault");
            })
        });
        assert!(found.is_err());
    }
}
