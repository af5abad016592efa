//! The path regexes of all routes, each compiled once and handed on from router to router.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use regex::bytes::Regex;

use crate::exchange::Capture;
use crate::expression::literal_prefix;

/// One path regex.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// Every path that matches begins with this.
    prefix: Box<[u8]>,
}

/// Path regexes by their number and by their text.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    list: Vec<Arc<Pattern>>,
    numbers: HashMap<Box<str>, u32, RandomState>,
}

impl Patterns {
    /// The number of `text` (without `~`); compiles it unless it is known from before.
    pub(super) fn add<'p>(
        &mut self,
        text: &str,
        before: impl Fn(&str) -> Option<&'p Arc<Pattern>>,
    ) -> Result<u32, Box<regex::Error>> {
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let pattern = match before(text) {
            Some(pattern) => Arc::clone(pattern),
            None => Arc::new(Pattern::compile(text)?),
        };
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(pattern);
        self.numbers.insert(text.into(), number);
        Ok(number)
    }

    /// The pattern of `text`, if there is one.
    pub(super) fn known(&self, text: &str) -> Option<&Arc<Pattern>> {
        self.numbers.get(text).and_then(|number| self.get(*number))
    }

    pub(super) fn get(&self, number: u32) -> Option<&Arc<Pattern>> {
        self.list.get(number as usize)
    }
}

impl Pattern {
    fn compile(text: &str) -> Result<Self, Box<regex::Error>> {
        // As Kong writes it: anchored at the start only, and only in the first alternative.
        let anchored = format!("^{text}");
        let regex = Regex::new(&anchored)?;
        Ok(Self { prefix: literal_prefix(&anchored).into(), regex })
    }

    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    pub(super) fn fits(&self, path: &[u8]) -> bool {
        self.regex.is_match(path)
    }

    /// How many bytes matched, and the groups.
    pub(super) fn captures(&self, path: &[u8]) -> Option<(usize, Vec<Capture>)> {
        if self.regex.captures_len() == 1 {
            return self.regex.find(path).map(|found| (found.len(), Vec::new()));
        }
        let groups = self.regex.captures(path)?;
        let mut captures = Vec::with_capacity(groups.len());
        for (number, name) in self.regex.capture_names().enumerate().skip(1) {
            let Some(group) = groups.get(number) else { continue };
            let value = String::from_utf8_lossy(group.as_bytes()).into_owned();
            captures.extend(name.map(|name| Capture { name: name.to_owned(), value: value.clone() }));
            captures.push(Capture { name: number.to_string(), value });
        }
        Some((groups.get(0).map_or(0, |whole| whole.len()), captures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_what_every_match_begins_with() {
        for (regex, want) in [
            ("/foo/(?<id>[0-9]+)$", "/foo/"),
            ("/foo", "/foo"),
            ("/foo/?$", "/foo"),
            ("/(a|b)/c", "/"),
            ("/(bar|baz)", "/ba"),
            ("(?i)/foo", "/"),
            ("/a|/b", ""),
            (".*", ""),
            ("/v[12]/x", "/v"),
        ] {
            assert_eq!(String::from_utf8_lossy(&literal_prefix(&format!("^{regex}"))), want, "{regex}");
        }
    }

    #[test]
    fn a_known_text_is_not_compiled_again() {
        let mut first = Patterns::default();
        let number = first.add("/a/[0-9]+", |_| None).unwrap();
        let mut second = Patterns::default();
        let again = second.add("/a/[0-9]+", |text| first.known(text)).unwrap();
        assert!(Arc::ptr_eq(first.get(number).unwrap(), second.get(again).unwrap()));
    }
}
