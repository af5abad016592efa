//! What an entity gets before it is validated: defaults, generated values, sets without doubles.
//!
//! It deliberately reports nothing: a value of the wrong type is left for the validation to refuse.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::field::{Field, Fields, Shape};
use super::record::Document;
use super::renamed;

/// Puts a default or a null where nothing was sent, below records too.
pub(super) fn defaults(rules: &Fields, values: &mut Document) {
    for (name, rule) in &rules.list {
        match values.get_mut(name.as_ref()) {
            Some(value) => tidy(rule, value, true),
            None => {
                let mut value = missing(rule);
                tidy(rule, &mut value, true);
                values.insert(name.to_string(), value);
            }
        }
    }
    renamed::mirror(rules, values);
}

/// Brings the values that were sent into the form in which they are kept, and adds nothing at the top.
pub(super) fn sent(rules: &Fields, values: &mut Document) {
    for (name, value) in values.iter_mut() {
        if let Some(rule) = rules.get(name) {
            tidy(rule, value, false);
        }
    }
}

/// A value in the form in which it is kept.
pub(super) fn settled(rule: &Field, mut value: Value) -> Value {
    tidy(rule, &mut value, true);
    value
}

fn missing(rule: &Field) -> Value {
    match (&rule.default, &rule.shape) {
        (Some(value), _) => value.clone(),
        (None, Shape::Record(_)) if rule.required => Value::Object(Document::new()),
        (None, _) => Value::Null,
    }
}

/// `fill`: also complete the records below. Elements of lists are always whole, so they are filled.
fn tidy(rule: &Field, value: &mut Value, fill: bool) {
    match (&rule.shape, value) {
        (Shape::Integer | Shape::Number, Value::Number(number)) => whole(number),
        (Shape::Record(below), Value::Object(map)) if !rule.open => match fill {
            true => defaults(below, map),
            false => sent(below, map),
        },
        (Shape::Array(elements), Value::Array(list)) => {
            list.iter_mut().for_each(|element| tidy(elements, element, true));
        }
        (Shape::Set(elements), Value::Array(list)) => {
            list.iter_mut().for_each(|element| tidy(elements, element, true));
            dedupe(list);
        }
        (Shape::Map { values, .. }, Value::Object(map)) => {
            map.values_mut().for_each(|value| tidy(values, value, true));
        }
        (Shape::Foreign(_), Value::Object(map)) if map.contains_key("id") => {
            map.retain(|key, _| key == "id");
            if let Some(Value::String(id)) = map.get_mut("id") {
                id.make_ascii_lowercase();
            }
        }
        _nothing_to_do => {}
    }
}

/// `1.0` is kept, and printed, as `1`.
fn whole(number: &mut Number) {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return;
    };
    if float.fract() == 0.0 && float.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
        let integer = float as i64;
        *number = integer.into();
    }
}

/// Keeps the first of equal elements.
fn dedupe(list: &mut Vec<Value>) {
    let mut seen = std::collections::HashSet::new();
    list.retain(|value| seen.insert(value.to_string()));
}

/// Lays what was sent over what is stored: records field by field, everything else as a whole.
pub(super) fn merge(rules: &Fields, stored: &Document, sent: Document) -> Document {
    let mut merged = stored.clone();
    for (name, value) in sent {
        let below = rules.get(&name).filter(|rule| !rule.open).and_then(Field::record);
        let value = match (below, stored.get(&name), value) {
            (Some(below), Some(Value::Object(old)), Value::Object(new)) => {
                Value::Object(merge(below, old, new))
            }
            (_, _, value) => value,
        };
        merged.insert(name, value);
    }
    merged
}

/// 32 letters and digits that cannot be guessed.
///
/// 24 bytes, hashed out of four random UUIDs (488 random bits), in base64 without its two odd signs.
pub(super) fn random_key() -> String {
    let mut hash = Sha256::new();
    for _ in 0..4 {
        hash.update(Uuid::new_v4().as_bytes());
    }
    let digest = hash.finalize();
    let text = STANDARD.encode(digest.get(..24).unwrap_or_default());
    let spare = digest.get(24).copied().unwrap_or_default();
    text.chars()
        .zip(0_u8..)
        .map(|(letter, at)| match letter {
            '+' | '/' => char::from(b'a' + spare.wrapping_add(at.wrapping_mul(7)) % 26),
            letter => letter,
        })
        .collect()
}
