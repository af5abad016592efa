//! Edits of JSON bodies. A body that is no object stays as it is.

use bodies::json::{Object, json_text};
use serde_json::value::RawValue;
use weir_plugin_sdk::logging;

use crate::config::{Change, Config, JsonType, split};

/// The compiled edits, in the order in which Kong makes them.
pub(crate) struct JsonEdits(Vec<Step>);

enum Step {
    Remove(String),
    Rename(String, String),
    Replace(String, Box<RawValue>),
    Add(String, Box<RawValue>),
    Append(String, Box<RawValue>),
}

impl JsonEdits {
    /// `None` without a rule for bodies.
    pub(crate) fn compile(config: &Config) -> Option<Self> {
        let mut steps: Vec<_> =
            config.remove.json.iter().map(|pair| Step::Remove(split(pair).0.into())).collect();
        let renames = config.rename.json.iter().filter_map(|pair| {
            let (old, new) = split(pair);
            Some(Step::Rename(old.into(), new?.into()))
        });
        steps.extend(renames);
        steps.extend(valued(&config.replace, Step::Replace));
        steps.extend(valued(&config.add, Step::Add));
        steps.extend(valued(&config.append, Step::Append));
        (!steps.is_empty()).then_some(Self(steps))
    }

    /// The body after the edits, if they change it.
    pub(crate) fn edited(&self, body: &[u8]) -> Option<Vec<u8>> {
        let text = String::from_utf8_lossy(body);
        let Some(mut object) = Object::read(&text) else {
            // A list has no names. Anything else may be worth a look.
            if !text.trim_start().starts_with('[') {
                logging::warn("body transform failed: failed parsing json body", &[]);
            }
            return None;
        };
        let mut is_changed = false;
        for step in &self.0 {
            is_changed |= step.run(&mut object);
        }
        is_changed.then(|| object.write())
    }
}

impl Step {
    /// Whether something was changed.
    fn run(&self, object: &mut Object<'_>) -> bool {
        match self {
            Self::Remove(name) => object.remove(name),
            Self::Rename(old, new) => object.rename(old, new),
            Self::Replace(name, value) => object.replace(name, value.clone()),
            Self::Add(name, value) => object.add(name, value.clone()),
            Self::Append(name, value) => object.append(name, value.clone()),
        }
    }
}

/// The type of a value is the one at its own place in the list of types.
fn valued(change: &Change, step: fn(String, Box<RawValue>) -> Step) -> impl Iterator<Item = Step> {
    change.json.iter().enumerate().filter_map(move |(at, pair)| {
        let (name, text) = split(pair);
        let kind = change.json_types.get(at).copied().unwrap_or(JsonType::String);
        Some(step(name.into(), value(&lua_text(text)?, kind)?))
    })
}

/// What Kong makes of a configured text: it writes it as JSON, takes the quotes off, and only quotes lose their
/// backslash again. Nothing is `null`.
fn lua_text(text: Option<&str>) -> Option<String> {
    let Some(text) = text else { return Some("null".to_owned()) };
    let written = json_text(text)?;
    let inner = written.get().strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\\\"", "\""))
}

/// The JSON of a value; none for a number that is not one, and then the rule says nothing.
fn value(text: &str, kind: JsonType) -> Option<Box<RawValue>> {
    match kind {
        JsonType::String => json_text(text),
        JsonType::Boolean => RawValue::from_string((text == "true").to_string()).ok(),
        JsonType::Number => number(text.trim()),
    }
}

/// As it was written, if JSON can have it so.
fn number(text: &str) -> Option<Box<RawValue>> {
    let parsed: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    RawValue::from_string(text.to_owned()).or_else(|_| RawValue::from_string(parsed.to_string())).ok()
}
