//! Keys in bodies: forms, JSON, and forms in parts.
//!
//! A body that is not what its type says holds no key, as in Kong.

mod multipart;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::place::Search;
use crate::query;

/// How a body is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Form,
    Json,
    /// With the boundary between its parts.
    Multipart(String),
}

/// What a body has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values<'a> {
    /// Nothing that could be a key.
    None,
    One(Cow<'a, str>),
    Several,
}

/// The fields of a JSON object, each as it was written. Their order means nothing, and Kong does not keep it either.
type Object<'a> = std::collections::BTreeMap<Cow<'a, str>, &'a RawValue>;

impl Kind {
    /// The kind of a body with this `Content-Type`, if it can hold a key.
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        let (name, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "application/json" => Some(Self::Json),
            "multipart/form-data" => multipart::boundary(parameters).map(Self::Multipart),
            _ => None,
        }
    }

    /// The first of `names` under which there is something, each with its place among all names.
    pub(crate) fn search<'n>(
        &self,
        body: &[u8],
        mut names: impl Iterator<Item = (usize, &'n str)>,
    ) -> Option<Search> {
        names.find_map(|(at, name)| match self.values(body, name) {
            Values::None => None,
            Values::One(key) => Some(Search::once(key.into_owned(), at)),
            Values::Several => Some(Search::Duplicate { name: at }),
        })
    }

    fn values<'b>(&self, body: &'b [u8], name: &str) -> Values<'b> {
        match self {
            Self::Form => {
                let values = std::str::from_utf8(body).map(|form| query::values(form, name));
                values.map_or(Values::None, |values| one(values.map(Cow::Owned)))
            }
            Self::Multipart(boundary) => {
                let parts = multipart::parts(body, boundary).filter(|part| part.is_named(name));
                one(parts.filter_map(|part| std::str::from_utf8(part.content).ok().map(Cow::Borrowed)))
            }
            Self::Json => object(body)
                .and_then(|object| object.get(name).map(|value| json_key(value)))
                .unwrap_or(Values::None),
        }
    }

    /// The body without what it has under `name`; `None` if it has nothing there.
    pub(crate) fn without(&self, body: &[u8], name: &str) -> Option<Vec<u8>> {
        let rest = match self {
            Self::Form => query::without(std::str::from_utf8(body).ok()?, name).into_bytes(),
            Self::Multipart(boundary) => multipart::without(body, boundary, name),
            Self::Json => {
                let mut object = object(body)?;
                object.remove(name)?;
                serde_json::to_vec(&object).ok()?
            }
        };
        (rest != body).then_some(rest)
    }
}

fn one<'a>(mut values: impl Iterator<Item = Cow<'a, str>>) -> Values<'a> {
    match (values.next(), values.next()) {
        (None, _) => Values::None,
        (Some(value), None) => Values::One(value),
        (Some(_), Some(_)) => Values::Several,
    }
}

fn object(body: &[u8]) -> Option<Object<'_>> {
    serde_json::from_slice(body).ok()
}

/// Lists and objects are several keys, as in Kong; numbers and such are none.
fn json_key(value: &RawValue) -> Values<'_> {
    match value.get().as_bytes().first() {
        Some(b'"') => {
            serde_json::from_str(value.get()).map_or(Values::None, |text: String| Values::One(text.into()))
        }
        Some(b'[' | b'{') => Values::Several,
        Some(_) | None => Values::None,
    }
}

#[cfg(test)]
mod tests;
