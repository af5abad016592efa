//! From a text to a value: JSON or YAML, without doubles, bounded in depth and aliases.
//!
//! Anchors are copies; how much they may unfold to is limited, so that a small file stays small.

use std::fmt;

use md5::{Digest, Md5};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The hash of a gateway without a configuration.
pub const EMPTY_HASH: &str = "00000000000000000000000000000000";

/// How deep lists and records may be nested.
const DEEPEST: usize = 64;
/// Nodes that aliases may unfold to.
const MOST_REPEATED: usize = 1_000_000;

/// Why a text is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) line: Option<u64>,
    pub(super) message: String,
}

/// MD5 of a text in hexadecimal digits, as Kong names configurations.
#[must_use]
pub fn hash(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads JSON or YAML.
pub(super) fn parse(text: &str) -> Result<Value, Unreadable> {
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() as u64 + 1;
        return Err(Unreadable { line: Some(line), message: "the text holds a NUL character".to_owned() });
    }
    let begin = text.trim_start();
    if begin.is_empty() {
        return Ok(Value::Null);
    }
    if begin.starts_with('{') {
        match json(text) {
            Ok(value) => return Ok(value),
            // Else it may be YAML's form with braces, whose keys need no quotes.
            Err(error) if begin.get(1..).unwrap_or_default().trim_start().starts_with('"') => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    yaml(text)
}

fn json(text: &str) -> Result<Value, Unreadable> {
    let mut source = serde_json::Deserializer::from_str(text);
    let found = Strict(0).deserialize(&mut source).and_then(|value| source.end().map(|()| value));
    found.map_err(|error| {
        let whole = error.to_string();
        let message = whole.split(" at line ").next().unwrap_or_default().to_owned();
        Unreadable { line: Some(error.line() as u64).filter(|line| *line > 0), message }
    })
}

fn yaml(text: &str) -> Result<Value, Unreadable> {
    let found = serde_saphyr::with_deserializer_from_str_with_options(text, options(), |source| {
        Strict(0).deserialize(source)
    });
    found.map_err(|error| Unreadable {
        line: error.location().map(|at| at.line()),
        // The parser may quote the text, which may hold secrets: its first line only.
        message: error.without_snippet().to_string().lines().next().unwrap_or_default().to_owned(),
    })
}

/// A file is as large as its owner likes; what it may not is to grow while it is read.
pub(super) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_recorded_anchor_events: MOST_REPEATED,
            max_documents: 1,
            // Many may share what one anchor says; what they unfold to is what counts.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MOST_REPEATED,
        },
        emit_comments: false,
        with_snippet: false,
    }
}

/// Reads any value at a depth, and refuses a key that is there twice.
#[derive(Clone, Copy)]
struct Strict(usize);

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.0 >= DEEPEST {
            return Err(E::custom(format!("nested deeper than {DEEPEST} levels")));
        }
        Ok(Self(self.0 + 1))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        Err(E::custom(format!("the number {value} is too large")))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        Err(E::custom(format!("the number {value} is too large")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("this is no number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let below = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(below)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let below = self.deeper()?;
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if values.contains_key(&key) {
                return Err(A::Error::custom(format!("the key '{key}' is there twice")));
            }
            values.insert(key, map.next_value_seed(below)?);
        }
        Ok(Value::Object(values))
    }
}
