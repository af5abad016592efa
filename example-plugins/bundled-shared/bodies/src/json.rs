//! The fields of a JSON object, in their order and as they were written.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::{RawValue, to_raw_value};

/// A JSON object whose fields can be changed. Kong's rules are those of Lua: a field that is `false` counts as absent
/// where something is replaced or added.
#[derive(Debug, Clone, Default)]
pub struct Object<'a>(Vec<Field<'a>>);

/// A name may come several times. Each change leaves the name that it is about there at most once.
#[derive(Debug, Clone)]
struct Field<'a> {
    name: Cow<'a, RawValue>,
    value: Cow<'a, RawValue>,
}

impl<'a> Object<'a> {
    /// Reads an object; `None` if the text is something else.
    pub fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The value of this name as it was written; of several the last, as most readers have it.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.place(name).and_then(|at| self.0.get(at)).map(|field| &*field.value)
    }

    /// Whether it is there, and not `false`.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.get() != "false")
    }

    /// Takes a field away. Answers whether it was there, as the other changes do whether anything is changed.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|field| !field.is(name));
        self.0.len() < before
    }

    /// Calls a field otherwise, in place of one that has the new name.
    pub fn rename(&mut self, old: &str, new: &str) -> bool {
        let Some(written) = json_text(new).filter(|_| old != new) else {
            return false;
        };
        let Some(kept) = self.keep_last(old) else {
            return false;
        };
        if let Some(field) = self.0.get_mut(kept) {
            field.name = Cow::Owned(written);
        }
        let mut at = 0..;
        self.0.retain(|field| at.next() == Some(kept) || !field.is(new));
        true
    }

    /// Another value for a field that is set.
    pub fn replace(&mut self, name: &str, value: Box<RawValue>) -> bool {
        self.is_set(name) && self.put(name, value)
    }

    /// A value for a field that is not set.
    pub fn add(&mut self, name: &str, value: Box<RawValue>) -> bool {
        !self.is_set(name) && self.put(name, value)
    }

    /// One more value for a field. A text becomes a list, and what is neither text, list nor object is replaced by one.
    /// An object is given the value under the next number, as a table of Lua.
    pub fn append(&mut self, name: &str, value: Box<RawValue>) -> bool {
        let known = self.get(name).map(RawValue::get).unwrap_or_default();
        let list = match known.as_bytes().first() {
            Some(b'"') => format!("[{known},{value}]"),
            Some(b'[') => longer(known, ']', value.get()),
            Some(b'{') => match Self::numbered(known, value.get()) {
                Some(object) => object,
                None => return false,
            },
            Some(_) | None => format!("[{value}]"),
        };
        RawValue::from_string(list).is_ok_and(|list| self.put(name, list))
    }

    /// The object as text.
    pub fn write(&self) -> Vec<u8> {
        let fields: Vec<_> =
            self.0.iter().map(|field| [field.name.get(), field.value.get()].join(":")).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    }

    /// Sets a field where it is, or at the end.
    fn put(&mut self, name: &str, value: Box<RawValue>) -> bool {
        let value = Cow::Owned(value);
        match self.keep_last(name).and_then(|at| self.0.get_mut(at)) {
            Some(field) => field.value = value,
            None => {
                let Some(name) = json_text(name) else { return false };
                self.0.push(Field { name: Cow::Owned(name), value });
            }
        }
        true
    }

    /// Takes all fields of this name away but the last, and says where that is then.
    fn keep_last(&mut self, name: &str) -> Option<usize> {
        let last = self.place(name)?;
        let mut at = 0..;
        self.0.retain(|field| at.next() == Some(last) || !field.is(name));
        self.place(name)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().rposition(|field| field.is(name))
    }

    fn numbered(object: &str, value: &str) -> Option<String> {
        let fields = Object::read(object)?;
        if fields.0.is_empty() {
            return Some(format!("[{value}]"));
        }
        let numbers = fields.0.iter().filter_map(|field| field.name.get().trim_matches('"').parse().ok());
        let taken: BTreeSet<usize> = numbers.collect();
        let next = (1..).find(|number| !taken.contains(number))?;
        Some(longer(object, '}', &format!("\"{next}\":{value}")))
    }
}

/// A list or an object with one more thing in it.
fn longer(text: &str, end: char, more: &str) -> String {
    let open = text.strip_suffix(end).unwrap_or(text).trim_end();
    let comma = if open.len() > 1 { "," } else { "" };
    format!("{open}{comma}{more}{end}")
}

/// A text as JSON has it.
pub fn json_text(text: &str) -> Option<Box<RawValue>> {
    to_raw_value(text).ok()
}

impl Field<'_> {
    fn is(&self, name: &str) -> bool {
        let written = self.name.get();
        if written.contains('\\') {
            return serde_json::from_str::<String>(written).is_ok_and(|own| own == name);
        }
        written.strip_prefix('"').and_then(|own| own.strip_suffix('"')) == Some(name)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            fields.push(Field { name: Cow::Borrowed(name), value: Cow::Borrowed(value) });
        }
        Ok(Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, change: impl FnOnce(&mut Object<'_>) -> bool) -> Option<String> {
        let mut object = Object::read(text).expect("an object");
        change(&mut object).then(|| String::from_utf8(object.write()).expect("text"))
    }

    type Change = fn(&mut Object<'_>) -> bool;

    fn all(rows: &[(&str, &str, Change, Option<&str>)]) {
        for (case, text, change, want) in rows {
            assert_eq!(changed(text, change).as_deref(), *want, "{case}");
        }
    }

    fn one() -> Box<RawValue> {
        RawValue::from_string("1".to_owned()).expect("a number")
    }

    #[test]
    fn fields_are_taken_away_and_renamed_and_nothing_else() {
        all(&[
            (
                "remove",
                r#"{"b": 1e400, "a": 0, "c": [ 1 ]}"#,
                |it| it.remove("a"),
                Some(r#"{"b":1e400,"c":[ 1 ]}"#),
            ),
            ("remove all of a name", r#"{"a":0,"b":1,"a":2}"#, |it| it.remove("a"), Some(r#"{"b":1}"#)),
            ("remove by an escaped name", r#"{"\u0061":0}"#, |it| it.remove("a"), Some("{}")),
            (
                "names stay as they were",
                r#"{"\u0062":0,"\ud800":1,"a":2}"#,
                |it| it.remove("a"),
                Some(r#"{"\u0062":0,"\ud800":1}"#),
            ),
            ("remove what is not there", r#"{"b":0}"#, |it| it.remove("a"), None),
            ("only the outermost fields", r#"{"b":{"a":0}}"#, |it| it.remove("a"), None),
            (
                "a dot is part of a name",
                r#"{"b":{"a":0},"b.a":0}"#,
                |it| it.remove("b.a"),
                Some(r#"{"b":{"a":0}}"#),
            ),
            ("rename", r#"{"a":0.50,"b":1}"#, |it| it.rename("a", "c"), Some(r#"{"c":0.50,"b":1}"#)),
            (
                "rename over another",
                r#"{"c":0,"a":1,"b":2,"c":3}"#,
                |it| it.rename("a", "c"),
                Some(r#"{"c":1,"b":2}"#),
            ),
            (
                "rename the last of several",
                r#"{"a":0,"b":1,"a":2}"#,
                |it| it.rename("a", "c"),
                Some(r#"{"b":1,"c":2}"#),
            ),
            ("rename what is not there", r#"{"c":0}"#, |it| it.rename("a", "c"), None),
            ("rename to itself", r#"{"a":0}"#, |it| it.rename("a", "a"), None),
        ]);
    }

    #[test]
    fn fields_are_given_values_and_nothing_else() {
        all(&[
            ("replace", r#"{"a":[],"b":0}"#, |it| it.replace("a", one()), Some(r#"{"a":1,"b":0}"#)),
            (
                "replace all of a name",
                r#"{"a":0,"b":0,"a":2}"#,
                |it| it.replace("a", one()),
                Some(r#"{"b":0,"a":1}"#),
            ),
            ("replace null", r#"{"a":null}"#, |it| it.replace("a", one()), Some(r#"{"a":1}"#)),
            ("replace false", r#"{"a":false}"#, |it| it.replace("a", one()), None),
            ("replace what is not there", "{}", |it| it.replace("a", one()), None),
            ("add", r#"{"b":0}"#, |it| it.add("a\"", one()), Some(r#"{"b":0,"a\"":1}"#)),
            ("add to nothing", " { } ", |it| it.add("a", one()), Some(r#"{"a":1}"#)),
            ("add what is there", r#"{"a":null}"#, |it| it.add("a", one()), None),
            ("add what is false", r#"{"a":false}"#, |it| it.add("a", one()), Some(r#"{"a":1}"#)),
            ("append to nothing", "{}", |it| it.append("a", one()), Some(r#"{"a":[1]}"#)),
            ("append to a text", r#"{"a":"x"}"#, |it| it.append("a", one()), Some(r#"{"a":["x",1]}"#)),
            ("append to a list", r#"{"a":[ 0 ]}"#, |it| it.append("a", one()), Some(r#"{"a":[ 0,1]}"#)),
            ("append to an empty list", r#"{"a":[ ]}"#, |it| it.append("a", one()), Some(r#"{"a":[1]}"#)),
            ("append to a number", r#"{"a":0}"#, |it| it.append("a", one()), Some(r#"{"a":[1]}"#)),
            (
                "append to an object",
                r#"{"a":{"1":0}}"#,
                |it| it.append("a", one()),
                Some(r#"{"a":{"1":0,"2":1}}"#),
            ),
            ("append to an empty object", r#"{"a":{ }}"#, |it| it.append("a", one()), Some(r#"{"a":[1]}"#)),
        ]);
    }

    #[test]
    fn only_objects_are_read() {
        for text in ["", " ", "[]", "1", "null", "{", r#"{"a":1}x"#, r#"{a:1}"#] {
            assert!(Object::read(text).is_none(), "{text:?}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Object::read(&deep).is_some(), "what is within is not looked into");
    }
}
