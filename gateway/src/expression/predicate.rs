//! Comparisons that can be asked.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use memchr::memmem;
use regex::bytes::Regex;

use super::field::Field;
use super::{AddressBlock, Facts, Found, HttpFacts};

/// An expression, checked.
#[derive(Debug, Clone)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Predicate),
}

/// One comparison.
#[derive(Debug, Clone)]
pub(super) struct Predicate {
    pub(super) field: Field,
    pub(super) lower: bool,
    /// One of several values is enough; otherwise all of them must do.
    pub(super) any: bool,
    pub(super) test: Test,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Text(TextTest, Box<str>),
    Pattern(Regex),
    Number(NumberTest, i64),
    Address { address: IpAddr, equal: bool },
    Block { block: AddressBlock, inside: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextTest {
    Equals,
    NotEquals,
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberTest {
    Equals,
    NotEquals,
    AtLeast,
    Greater,
    AtMost,
    Less,
}

/// One value of a field.
enum Value<'a> {
    Text(Cow<'a, [u8]>),
    Number(i64),
    Address(IpAddr),
}

/// Where to note what matched, if anybody wants to know.
type Note = Option<Found>;

impl Node {
    pub(super) fn holds(&self, facts: &Facts<'_>, note: &mut Note) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(facts, note)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(facts, note)),
            Self::Not(part) => !part.holds(facts, note),
            Self::Test(predicate) => predicate.holds(facts, note),
        }
    }
}

impl Predicate {
    fn holds(&self, facts: &Facts<'_>, note: &mut Note) -> bool {
        let http = facts.http.as_ref();
        match (&self.field, http) {
            (Field::Header(name), Some(http)) => self.over(headers(http.headers, name), note),
            (Field::Query(name), Some(http)) => self.over(queries(http.query, name), note),
            (field, _) => self.over(one_value(field, facts).into_iter(), note),
        }
    }

    /// Without a value nothing holds, not even `!=`.
    fn over<'v>(&self, values: impl Iterator<Item = Value<'v>>, note: &mut Note) -> bool {
        let mut is_one = false;
        for value in values {
            is_one = true;
            if self.fits(value, note) == self.any {
                return self.any;
            }
        }
        is_one && !self.any
    }

    fn fits(&self, value: Value<'_>, note: &mut Note) -> bool {
        match (&self.test, value) {
            (Test::Text(how, text), Value::Text(value)) => {
                let value = if self.lower { lower(value) } else { value };
                let fits = how.fits(&value, text.as_bytes());
                if fits && how.is_a_part() {
                    self.note_length(text.len(), note);
                }
                fits
            }
            (Test::Pattern(regex), Value::Text(value)) => {
                let value = if self.lower { lower(value) } else { value };
                match note {
                    None => regex.is_match(&value),
                    Some(_) => self.note_groups(regex, &value, note),
                }
            }
            (Test::Number(how, number), Value::Number(value)) => how.fits(value, *number),
            (Test::Address { address, equal }, Value::Address(value)) => (value == *address) == *equal,
            (Test::Block { block, inside }, Value::Address(value)) => block.contains(value) == *inside,
            // The types were checked.
            (_, Value::Text(_) | Value::Number(_) | Value::Address(_)) => false,
        }
    }

    fn note_length(&self, length: usize, note: &mut Note) {
        if let (Field::Path, Some(found)) = (&self.field, note) {
            found.path = Some(length);
        }
    }

    fn note_groups(&self, regex: &Regex, value: &[u8], note: &mut Note) -> bool {
        let Some(groups) = regex.captures(value) else { return false };
        self.note_length(groups.get(0).map_or(0, |whole| whole.len()), note);
        for (number, name) in regex.capture_names().enumerate().skip(1) {
            let (Some(group), Some(found)) = (groups.get(number), note.as_mut()) else { continue };
            let text = String::from_utf8_lossy(group.as_bytes()).into_owned();
            if let Some(name) = name {
                found.capture(name.to_owned(), text.clone());
            }
            found.capture(number.to_string(), text);
        }
        true
    }
}

impl TextTest {
    fn fits(self, value: &[u8], text: &[u8]) -> bool {
        match self {
            Self::Equals => value == text,
            Self::NotEquals => value != text,
            Self::StartsWith => value.starts_with(text),
            Self::EndsWith => value.ends_with(text),
            Self::Contains => memmem::find(value, text).is_some(),
        }
    }

    /// Whether Kong takes the text for what the value was matched by.
    fn is_a_part(self) -> bool {
        matches!(self, Self::Equals | Self::StartsWith | Self::EndsWith)
    }
}

impl NumberTest {
    fn fits(self, value: i64, number: i64) -> bool {
        match self {
            Self::Equals => value == number,
            Self::NotEquals => value != number,
            Self::AtLeast => value >= number,
            Self::Greater => value > number,
            Self::AtMost => value <= number,
            Self::Less => value < number,
        }
    }
}

fn one_value<'a>(field: &Field, facts: &Facts<'a>) -> Option<Value<'a>> {
    let text = |text: &'a str| Value::Text(Cow::Borrowed(text.as_bytes()));
    let http = facts.http.as_ref();
    match field {
        Field::Protocol => Some(text(facts.protocol)),
        Field::Sni => facts.sni.map(text),
        Field::Method => http.map(|http| text(http.method)),
        Field::Host => http.map(|http| text(http.host)),
        Field::Path => http.map(|http| Value::Text(Cow::Borrowed(http.path))),
        Field::Segments(first, last) => http.and_then(|http| segments(http, *first, *last)),
        Field::SegmentCount => http.map(|http| {
            let count = http.path.split(|byte| *byte == b'/').skip(1).count();
            // Kong's split gives no segment for an end that is empty.
            let empty = http.path.ends_with(b"/");
            Value::Number(i64::try_from(count.saturating_sub(usize::from(empty))).unwrap_or(i64::MAX))
        }),
        Field::SourceIp => Some(Value::Address(facts.source.ip())),
        Field::SourcePort => Some(Value::Number(facts.source.port().into())),
        Field::DestinationIp => Some(Value::Address(facts.destination.ip())),
        Field::DestinationPort => Some(Value::Number(facts.destination.port().into())),
        // They can have several.
        Field::Header(_) | Field::Query(_) => None,
    }
}

fn segments<'a>(http: &HttpFacts<'a>, first: usize, last: usize) -> Option<Value<'a>> {
    let path = http.path.strip_suffix(b"/").unwrap_or(http.path);
    let mut parts = path.split(|byte| *byte == b'/').skip(1 + first);
    if first == last {
        return parts.next().map(|segment| Value::Text(Cow::Borrowed(segment)));
    }
    let wanted: Vec<&[u8]> = parts.take(last - first + 1).collect();
    let is_whole = wanted.len() == last - first + 1;
    is_whole.then(|| Value::Text(Cow::Owned(wanted.join(&b'/'))))
}

fn headers<'a>(headers: &'a HeaderMap, wanted: &'a str) -> impl Iterator<Item = Value<'a>> {
    let named = headers.iter().filter(move |(name, _)| is_named(name, wanted));
    named.map(|(_, value)| Value::Text(Cow::Borrowed(value.as_bytes())))
}

/// Kong sees no difference between `-` and `_` here.
fn is_named(name: &HeaderName, wanted: &str) -> bool {
    let (given, wanted) = (name.as_str().bytes(), wanted.bytes());
    given.len() == wanted.len()
        && given.zip(wanted).all(|(given, wanted)| given == wanted || (given == b'-' && wanted == b'_'))
}

fn queries<'a>(query: Option<&'a str>, wanted: &'a str) -> impl Iterator<Item = Value<'a>> {
    let arguments = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    arguments.filter(move |(name, _)| name == wanted).map(|(_, value)| {
        Value::Text(match value {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    })
}

fn lower(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let plain = value.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if plain {
        return value;
    }
    Cow::Owned(match std::str::from_utf8(&value) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => value.to_ascii_lowercase(),
    })
}
