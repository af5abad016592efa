//! Validators of one value, with Kong's texts.
//!
//! The type of the value has been checked before. It deliberately knows nothing of other fields:
//! that is what [`super::check`] is for.

use std::net::IpAddr;
use std::sync::Arc;

use regex::Regex;
use serde_json::Value;
use uuid::Uuid;

use super::lua;

/// A check of a text that is too particular for a rule of its own.
pub(super) type TextCheck = fn(&str) -> Result<(), String>;

/// A pattern and the text that the operator sees.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) source: String,
    regex: Option<Regex>,
}

impl Pattern {
    /// A Lua pattern, as Kong's schemas have it.
    pub(super) fn lua(source: &str) -> Self {
        Self { source: source.to_owned(), regex: lua::pattern(source) }
    }

    /// A regular expression, as JSON Schema has it; `None` if the linear-time engine refuses it.
    pub(super) fn regex(source: &str) -> Option<Self> {
        let regex = regex::RegexBuilder::new(source).size_limit(1 << 20).build().ok()?;
        Some(Self { source: source.to_owned(), regex: Some(regex) })
    }

    /// As a regular expression; a pattern that could not be read is its own source.
    pub(super) fn expression(&self) -> &str {
        self.regex.as_ref().map_or(&self.source, Regex::as_str)
    }

    /// A pattern that could not be read matches nothing: the field fails closed.
    fn is_match(&self, text: &str) -> bool {
        self.regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// One validator.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    Eq(Value),
    Ne(Value),
    NotOneOf(Vec<Value>),
    OneOf(Vec<Value>),
    Gt(f64),
    Lt(f64),
    AtLeast(f64),
    AtMost(f64),
    Timestamp,
    Uuid,
    Between(f64, f64),
    LenEq(usize),
    LenMin(usize),
    LenMax(usize),
    StartsWith(String),
    MatchNone(Vec<(Pattern, String)>),
    Match(Pattern),
    MatchAll(Vec<(Pattern, String)>),
    MatchAny {
        patterns: Vec<Pattern>,
        err: Option<String>,
    },
    /// A list with this element.
    Contains(Value),
    Text(TextCheck),
    /// The same of a whole record.
    Whole(fn(&Value) -> Result<(), String>),
    /// Each element obeys these rules; only in the conditions of checks.
    Elements(Vec<Rule>),
    Exclusive(Vec<Vec<&'static str>>),
    /// What no rule above can say.
    Schema(Arc<jsonschema::Validator>),
}

impl Rule {
    /// Place in Kong's order of validators; the first that fails is the one that is reported.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Eq(_) => 0,
            Self::Ne(_) => 1,
            Self::NotOneOf(_) => 2,
            Self::OneOf(_) => 3,
            Self::Gt(_) | Self::Lt(_) | Self::AtLeast(_) | Self::AtMost(_) => 4,
            Self::Timestamp => 5,
            Self::Uuid => 6,
            Self::Between(..) => 8,
            Self::LenEq(_) => 9,
            Self::LenMin(_) => 10,
            Self::LenMax(_) => 11,
            Self::StartsWith(_) => 12,
            Self::MatchNone(_) => 14,
            Self::Match(_) => 15,
            Self::MatchAll(_) => 16,
            Self::MatchAny { .. } => 17,
            Self::Contains(_) => 18,
            Self::Text(_) | Self::Whole(_) => 19,
            Self::Elements(_) => 20,
            Self::Exclusive(_) => 21,
            Self::Schema(_) => 22,
        }
    }

    /// What the rule says of a null; most rules say nothing.
    pub(super) fn check_null(&self) -> Option<Result<(), String>> {
        if let Self::Eq(Value::Null) = self {
            return Some(Ok(()));
        }
        matches!(self, Self::Eq(_) | Self::Ne(Value::Null)).then(|| self.check(&Value::Null))
    }

    /// Checks `value`, which is not null and of the right type.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        let number = value.as_f64().unwrap_or(f64::NAN);
        let text = value.as_str().unwrap_or_default();
        let invalid = || format!("invalid value: {text}");
        match self {
            Self::Eq(want) => when(same(want, value), || format!("value must be {}", plain(want))),
            Self::Ne(bad) => when(!same(bad, value), || format!("value must not be {}", plain(bad))),
            Self::NotOneOf(bad) => {
                when(!contains(bad, value), || format!("must not be one of: {}", joined(bad)))
            }
            Self::OneOf(good) => when(contains(good, value), || format!("expected one of: {}", joined(good))),
            Self::Gt(limit) => when(number > *limit, || format!("value must be greater than {limit}")),
            Self::Lt(limit) => when(number < *limit, || format!("value must be less than {limit}")),
            Self::AtLeast(limit) => when(number >= *limit, || format!("value must be at least {limit}")),
            Self::AtMost(limit) => when(number <= *limit, || format!("value must be at most {limit}")),
            Self::Timestamp => when(number > 0.0, || "expected a valid timestamp".to_owned()),
            Self::Uuid => when(is_uuid(text), || "expected a valid UUID".to_owned()),
            Self::Between(low, high) => when(*low <= number && number <= *high, || {
                format!("value should be between {low} and {high}")
            }),
            Self::LenEq(want) => when(length(value) == *want, || format!("length must be {want}")),
            Self::LenMin(least) => {
                when(length(value) >= *least, || format!("length must be at least {least}"))
            }
            Self::LenMax(most) => when(length(value) <= *most, || format!("length must be at most {most}")),
            Self::StartsWith(prefix) => {
                when(text.starts_with(prefix.as_str()), || format!("should start with: {prefix}"))
            }
            Self::Match(pattern) => when(pattern.is_match(text), invalid),
            Self::MatchNone(list) => first(list, |pattern| pattern.is_match(text)),
            Self::MatchAll(list) => first(list, |pattern| !pattern.is_match(text)),
            Self::MatchAny { patterns, err } => {
                let found = patterns.iter().any(|pattern| pattern.is_match(text));
                when(found, || err.clone().unwrap_or_else(invalid))
            }
            Self::Contains(want) => {
                let found = value.as_array().is_some_and(|list| contains(list, want));
                when(found, || format!("expected to contain: {}", plain(want)))
            }
            Self::Text(check) => value.as_str().map_or(Ok(()), check),
            Self::Whole(check) => check(value),
            Self::Elements(rules) => elements(rules, value),
            Self::Exclusive(sets) => exclusive(sets, value),
            Self::Schema(schema) => schema.validate(value).map_err(|found| found.to_string()),
        }
    }
}

/// The text that goes with the first pattern for which `fails` holds.
fn first(list: &[(Pattern, String)], fails: impl Fn(&Pattern) -> bool) -> Result<(), String> {
    list.iter().find(|(pattern, _)| fails(pattern)).map_or(Ok(()), |(_, err)| Err(err.clone()))
}

fn contains(values: &[Value], value: &Value) -> bool {
    values.iter().any(|known| same(known, value))
}

fn when(good: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if good { Ok(()) } else { Err(text()) }
}

fn elements(rules: &[Rule], value: &Value) -> Result<(), String> {
    let Some(list) = value.as_array() else {
        return Ok(());
    };
    list.iter().try_for_each(|element| rules.iter().try_for_each(|rule| rule.check(element)))
}

/// The elements of a set may come from one of `sets` only.
fn exclusive(sets: &[Vec<&'static str>], value: &Value) -> Result<(), String> {
    let Some(list) = value.as_array() else {
        return Ok(());
    };
    let used = |set: &Vec<&str>| list.iter().filter_map(Value::as_str).any(|text| set.contains(&text));
    when(sets.iter().filter(|set| used(set)).count() <= 1, || {
        let shown: Vec<String> = sets
            .iter()
            .map(|set| {
                format!("({})", set.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
            })
            .collect();
        format!("these sets are mutually exclusive: {}", shown.join(", "))
    })
}

/// Lengths count bytes, as Lua does, or elements.
pub(super) fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => (left - right).abs() < f64::EPSILON,
        _ => left == right,
    }
}

fn joined(values: &[Value]) -> String {
    values.iter().map(plain).collect::<Vec<_>>().join(", ")
}

/// A value as it stands in a message: texts without quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Any 8-4-4-4-12 hex string; Kong does not look at the version bits.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// An address, or a network with a prefix length.
pub(super) fn ip_or_cidr(text: &str) -> Result<(), String> {
    let bad = || format!("invalid ip or cidr range: '{text}'");
    let (address, prefix) = text.split_once('/').map_or((text, None), |(ip, prefix)| (ip, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| bad())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match prefix.map(str::parse::<u8>) {
        None => Ok(()),
        Some(Ok(bits)) if bits <= most => Ok(()),
        Some(_) => Err(bad()),
    }
}
