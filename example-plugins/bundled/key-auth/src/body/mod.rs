//! Keys in bodies: forms, JSON, and forms in parts.
//!
//! A body that is not what its type says holds no key, as in Kong.

use std::borrow::Cow;

use bodies::json::Object;
use bodies::{Kind, form, multipart};
use serde_json::value::RawValue;

use crate::place::Search;

/// What a body has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values<'a> {
    /// Nothing that could be a key.
    None,
    One(Cow<'a, str>),
    Several,
}

/// The first of `names` under which there is something, each with its place among all names.
pub(crate) fn search<'n>(
    kind: &Kind,
    body: &[u8],
    mut names: impl Iterator<Item = (usize, &'n str)>,
) -> Option<Search> {
    names.find_map(|(at, name)| match values(kind, body, name) {
        Values::None => None,
        Values::One(key) => Some(Search::once(key.into_owned(), at)),
        Values::Several => Some(Search::Duplicate { name: at }),
    })
}

fn values<'b>(kind: &Kind, body: &'b [u8], name: &str) -> Values<'b> {
    match kind {
        Kind::Form => {
            let values = std::str::from_utf8(body).map(|form| form::values(form, name));
            values.map_or(Values::None, |values| one(values.map(Cow::Owned)))
        }
        Kind::Multipart(boundary) => {
            let parts = multipart::parts(body, boundary).filter(|part| part.is_whole && part.is_named(name));
            one(parts.filter_map(|part| std::str::from_utf8(part.content).ok().map(Cow::Borrowed)))
        }
        Kind::Json => object(body).and_then(|object| object.get(name).map(json_key)).unwrap_or(Values::None),
    }
}

/// The body without what it has under `name`; `None` if it has nothing there.
pub(crate) fn without(kind: &Kind, body: &[u8], name: &str) -> Option<Vec<u8>> {
    let rest = match kind {
        Kind::Form => form::without(std::str::from_utf8(body).ok()?, name).into_bytes(),
        Kind::Multipart(boundary) => {
            let parts = multipart::parts(body, boundary).filter(|part| !part.is_named(name));
            multipart::write(parts.map(|part| (part.headers(), part.content)), boundary)
        }
        Kind::Json => {
            let mut object = object(body)?;
            return object.remove(name).then(|| object.write());
        }
    };
    (rest != body).then_some(rest)
}

fn one<'a>(mut values: impl Iterator<Item = Cow<'a, str>>) -> Values<'a> {
    match (values.next(), values.next()) {
        (None, _) => Values::None,
        (Some(value), None) => Values::One(value),
        (Some(_), Some(_)) => Values::Several,
    }
}

fn object(body: &[u8]) -> Option<Object<'_>> {
    std::str::from_utf8(body).ok().and_then(Object::read)
}

/// Lists and objects are several keys, as in Kong; numbers and such are none.
fn json_key<'a>(value: &RawValue) -> Values<'a> {
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
