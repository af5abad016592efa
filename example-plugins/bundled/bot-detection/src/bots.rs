//! Finds a known bot's name in a text, in one pass.
//!
//! An expression is tried only where the text has a name in it that every match has, and only once. So the
//! time is linear in the text, and short for a browser's.

use regex_lite::Regex;

use crate::names::{EXPRESSIONS, NAMES, VERSIONED, WORDS};

/// What is known of bots.
pub(crate) struct Bots {
    /// By the first byte of the name.
    known: Vec<Vec<Known>>,
    expressions: Vec<Regex>,
}

/// A name, and when a text that has it is a bot's.
#[derive(Clone, Copy)]
struct Known {
    name: &'static [u8],
    when: When,
}

#[derive(Clone, Copy)]
enum When {
    Always,
    InAnyCase,
    WithVersion,
    /// If this expression matches the text.
    Matched(usize),
}

impl Bots {
    pub(crate) fn new() -> Self {
        let mut bots = Self { known: vec![Vec::new(); 256], expressions: Vec::new() };
        bots.learn(NAMES, When::Always);
        bots.learn(WORDS, When::InAnyCase);
        bots.learn(VERSIONED, When::WithVersion);
        for (names, source) in EXPRESSIONS {
            // The tests have a text for each of them.
            if let Ok(expression) = Regex::new(source) {
                bots.learn(names, When::Matched(bots.expressions.len()));
                bots.expressions.push(expression);
            }
        }
        bots
    }

    fn learn(&mut self, names: &'static str, when: When) {
        for name in names.split('|').map(str::as_bytes) {
            let first = name.first().copied();
            let capital =
                first.filter(|_| matches!(when, When::InAnyCase)).map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(capital).for_each(|first| self.add(first, Known { name, when }));
        }
    }

    fn add(&mut self, first: u8, known: Known) {
        if let Some(list) = self.known.get_mut(usize::from(first)) {
            list.push(known);
        }
    }

    /// Whether a bot's name is in `text`.
    pub(crate) fn has(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        // One bit for each expression.
        let mut tried = 0;
        bytes.iter().enumerate().any(|(at, first)| {
            let rest = bytes.get(at..).unwrap_or_default();
            let known = self.known.get(usize::from(*first)).into_iter().flatten();
            known.into_iter().any(|known| match known.when {
                When::Matched(at) => known.begins(rest) && is_first(at, &mut tried) && self.matches(at, text),
                When::Always | When::InAnyCase | When::WithVersion => known.begins(rest),
            })
        })
    }

    fn matches(&self, expression: usize, text: &str) -> bool {
        self.expressions.get(expression).is_some_and(|expression| expression.is_match(text))
    }
}

impl Known {
    fn begins(&self, text: &[u8]) -> bool {
        match self.when {
            When::Always | When::Matched(_) => text.starts_with(self.name),
            When::InAnyCase => {
                text.get(..self.name.len()).is_some_and(|word| word.eq_ignore_ascii_case(self.name))
            }
            When::WithVersion => {
                let after = text.strip_prefix(self.name);
                matches!(after, Some([b'/', digit, ..]) if digit.is_ascii_digit())
            }
        }
    }
}

/// Notes that an expression is tried; says whether it was not before.
fn is_first(expression: usize, tried: &mut u32) -> bool {
    let before = *tried;
    *tried |= 1 << expression;
    before != *tried
}
