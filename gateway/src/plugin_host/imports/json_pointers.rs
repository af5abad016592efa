//! Looks values up in JSON text by RFC 6901 pointers, without a tree of the text in memory.
//!
//! One pass: what no pointer leads into is skipped, what one leads to is kept as text. Only a value that
//! one pointer names and another leads into is read again, once for each such level.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The text of each value, in the order of `pointers`; of a key that comes twice, the last.
///
/// # Errors
///
/// Why `json` is no JSON. A pointer that is none finds nothing.
pub(super) fn find(json: &[u8], pointers: &[String]) -> Result<Vec<Option<String>>, String> {
    let mut found = vec![None; pointers.len()];
    let paths: Vec<_> = pointers.iter().map(|pointer| path(pointer)).collect();
    let wanted = paths.iter().enumerate();
    let wanted: Vec<_> = wanted.filter_map(|(at, path)| Some(Want { at, rest: path.as_deref()? })).collect();
    let mut text = serde_json::Deserializer::from_slice(json);
    let passed = Pass { wanted, found: &mut found }.deserialize(&mut text).and_then(|()| text.end());
    passed.map_err(|error| error.to_string())?;
    Ok(found)
}

/// The steps of a pointer; `None` if it is none.
fn path(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let steps = pointer.strip_prefix('/')?.split('/');
    Some(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// One value that is looked for below the present one.
#[derive(Clone, Copy)]
struct Want<'p> {
    at: usize,
    rest: &'p [String],
}

/// The look-ups that lead into one value.
struct Pass<'p, 'f> {
    wanted: Vec<Want<'p>>,
    found: &'f mut [Option<String>],
}

impl<'p> Pass<'p, '_> {
    /// Those that go on at `step`.
    fn at(&self, step: &str) -> Vec<Want<'p>> {
        let next = |want: &Want<'p>| match want.rest {
            [first, rest @ ..] if first == step => Some(Want { at: want.at, rest }),
            [..] => None,
        };
        self.wanted.iter().filter_map(next).collect()
    }

    fn keep(&mut self, value: &RawValue) -> Result<(), serde_json::Error> {
        for want in self.wanted.iter().filter(|want| want.rest.is_empty()) {
            if let Some(place) = self.found.get_mut(want.at) {
                *place = Some(value.get().to_owned());
            }
        }
        self.wanted.retain(|want| !want.rest.is_empty());
        if self.wanted.is_empty() {
            return Ok(());
        }
        let mut text = serde_json::Deserializer::from_str(value.get());
        text.deserialize_any(Pass { wanted: std::mem::take(&mut self.wanted), found: &mut *self.found })
    }
}

impl<'de> DeserializeSeed<'de> for Pass<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(mut self, value: D) -> Result<(), D::Error> {
        // A key that comes again takes the place of what was found below it.
        for want in &self.wanted {
            if let Some(place) = self.found.get_mut(want.at) {
                *place = None;
            }
        }
        if self.wanted.is_empty() {
            value.deserialize_ignored_any(IgnoredAny).map(|_| ())
        } else if self.wanted.iter().any(|want| want.rest.is_empty()) {
            let raw: &RawValue = serde::Deserialize::deserialize(value)?;
            self.keep(raw).map_err(serde::de::Error::custom)
        } else {
            value.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Pass<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let wanted = self.at(&key);
            map.next_value_seed(Pass { wanted, found: &mut *self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for at in 0usize.. {
            let wanted = self.at(itoa::Buffer::new().format(at));
            if list.next_element_seed(Pass { wanted, found: &mut *self.found })?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_as_they_stand() {
        let json = br#" {"a": {"b": [1, {"c": "x\u0041"}], "~/": null}, "n": 1.50, "d": 1, "d": {"e": 2}} "#;
        for (case, pointer, want) in [
            ("object", "/a", Some(r#"{"b": [1, {"c": "x\u0041"}], "~/": null}"#)),
            ("in a list", "/a/b/1/c", Some(r#""x\u0041""#)),
            ("number as written", "/n", Some("1.50")),
            ("escaped step", "/a/~0~1", Some("null")),
            ("leading zero is no index", "/a/b/01", None),
            ("behind the end", "/a/b/2", None),
            ("into a number", "/n/x", None),
            ("no pointer", "a", None),
            ("the last of two", "/d/e", Some("2")),
        ] {
            let whole = find(json, &[pointer.to_owned(), "/a/b".to_owned()]).unwrap();
            assert_eq!(whole[0].as_deref(), want, "{case}");
            assert_eq!(whole[1].as_deref(), Some(r#"[1, {"c": "x\u0041"}]"#), "{case}: beside it");
        }
        let all = find(b"[true]", &[String::new()]).unwrap();
        assert_eq!(all[0].as_deref(), Some("[true]"), "the whole");
        for broken in [&b"{\"a\": 1"[..], b"", b"{} x", b"\xff"] {
            assert!(find(broken, &["/a".to_owned()]).is_err(), "{broken:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(find(deep.as_bytes(), &["/0/0".to_owned()]).is_err(), "depth is bounded");
    }
}
