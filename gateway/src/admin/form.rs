//! Names of form arguments into nested values: `config.second`, `tags[]`, `hosts[2]`, `headers[a.b]`.

use serde_json::Value;

use crate::model::Document;

/// Deepest name, and longest list that a name may ask for.
const MAX_STEPS: usize = 32;
const MAX_POSITION: usize = 1000;

/// One step into a value.
enum Step {
    Key(String),
    Append,
    Position(usize),
}

/// Nests the arguments; repeated names become a list.
pub(super) fn decode(pairs: impl IntoIterator<Item = (String, Value)>) -> Document {
    let mut root = Document::new();
    for (name, value) in pairs {
        let steps = steps(&name);
        if let Some((Step::Key(key), rest)) = steps.split_first() {
            put(root.entry(key.as_str()).or_insert(Value::Null), rest, value);
        }
    }
    root
}

/// A name that begins or ends with a dot is taken as it is.
fn steps(name: &str) -> Vec<Step> {
    if name.is_empty() || name.starts_with('.') || name.ends_with('.') {
        return vec![Step::Key(name.to_owned())];
    }
    let mut steps = Vec::new();
    let mut rest = name;
    // The outermost step is a name, whatever it looks like.
    if rest.starts_with('[') {
        return vec![Step::Key(name.to_owned())];
    }
    while !rest.is_empty() && steps.len() < MAX_STEPS {
        if let Some((inner, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            steps.push(bracket(inner));
            rest = after.strip_prefix('.').unwrap_or(after);
            continue;
        }
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, letter)| matches!(letter, '.' | '['))
            .map_or(rest.len(), |(at, _)| at);
        let (key, after) = rest.split_at(end);
        steps.push(Step::Key(key.to_owned()));
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    steps
}

fn bracket(inner: &str) -> Step {
    match inner.parse::<usize>() {
        _ if inner.is_empty() => Step::Append,
        Ok(position) if (1..=MAX_POSITION).contains(&position) => Step::Position(position - 1),
        Ok(_) | Err(_) => Step::Key(inner.to_owned()),
    }
}

fn put(into: &mut Value, steps: &[Step], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        match into {
            Value::Null => *into = value,
            Value::Array(list) => list.push(value),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                *into = Value::Array(vec![into.take(), value]);
            }
        }
        return;
    };
    match step {
        Step::Key(key) => {
            if !into.is_object() {
                *into = Value::Object(Document::new());
            }
            if let Some(map) = into.as_object_mut() {
                put(map.entry(key.as_str()).or_insert(Value::Null), rest, value);
            }
        }
        Step::Append => put_in_list(into, None, rest, value),
        Step::Position(at) => put_in_list(into, Some(*at), rest, value),
    }
}

/// Puts `value` into an element of the list that `into` is, or becomes; `None` is a new one at its end.
fn put_in_list(into: &mut Value, at: Option<usize>, rest: &[Step], value: Value) {
    let mut list = match into.take() {
        Value::Array(list) => list,
        Value::Null | Value::Object(_) => Vec::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => vec![other],
    };
    let at = at.unwrap_or(list.len());
    if list.len() <= at {
        list.resize(at + 1, Value::Null);
    }
    if let Some(element) = list.get_mut(at) {
        put(element, rest, value);
    }
    *into = Value::Array(list);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_nest_as_in_kong() {
        for (case, pairs, want) in [
            ("dots", vec![("config.second", "5")], json!({"config": {"second": "5"}})),
            ("append", vec![("a[]", "x"), ("a[]", "y")], json!({"a": ["x", "y"]})),
            ("positions", vec![("a[2]", "y"), ("a[1]", "x")], json!({"a": ["x", "y"]})),
            ("repeated", vec![("a", "x"), ("a", "y")], json!({"a": ["x", "y"]})),
            ("three times", vec![("a", "x"), ("a", "y"), ("a", "z")], json!({"a": ["x", "y", "z"]})),
            (
                "map",
                vec![("config.anonymous[foo.bar]", "1")],
                json!({"config": {"anonymous": {"foo.bar": "1"}}}),
            ),
            ("header", vec![("headers[x-a][]", "1")], json!({"headers": {"x-a": ["1"]}})),
            ("literal dots", vec![(".a.", "1")], json!({".a.": "1"})),
            ("huge position", vec![("a[99999999]", "1")], json!({"a": {"99999999": "1"}})),
            ("nothing", vec![("", "1")], json!({"": "1"})),
        ] {
            let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
            assert_eq!(Value::Object(decode(pairs)), want, "{case}");
        }
    }

    proptest! {
        #[test]
        fn any_names_are_decoded(names in proptest::collection::vec("[a.\\[\\]0-9]{0,12}", 0..8)) {
            _ = decode(names.into_iter().map(|name| (name, json!("x"))));
        }
    }
}
