//! Values of a form, which are all texts, into what the field rules say they are.
//!
//! A text that does not parse stays a text, and the validation refuses it.

use serde_json::{Number, Value};

use super::field::{Field, Fields, Shape, integer};
use super::kind::Kind;
use super::record::Document;

impl Kind {
    /// Gives the values of a decoded form their types. An empty text means null.
    pub fn type_form(&self, values: &mut Document) {
        self.fields.type_form(values);
        if let Some(ttl) = values.get_mut("ttl").filter(|_| self.ttl) {
            typed(&integer(), ttl);
        }
    }
}

impl Fields {
    fn type_form(&self, values: &mut Document) {
        for (name, value) in values.iter_mut() {
            match self.get(name) {
                Some(rule) => typed(rule, value),
                None => nothing(value),
            }
        }
    }
}

fn typed(rule: &Field, value: &mut Value) {
    nothing(value);
    match (&rule.shape, &mut *value) {
        (Shape::Integer | Shape::Number, Value::String(text)) => {
            let integer = text.parse::<i64>().ok().map(Number::from);
            if let Some(number) = integer.or_else(|| Number::from_f64(text.parse().ok()?)) {
                *value = Value::Number(number);
            }
        }
        (Shape::Boolean, Value::String(text)) => match text.as_str() {
            "true" => *value = Value::Bool(true),
            "false" => *value = Value::Bool(false),
            _ => {}
        },
        (Shape::Array(elements) | Shape::Set(elements), Value::Array(list)) => {
            list.iter_mut().for_each(|element| typed(elements, element));
        }
        (Shape::Array(elements) | Shape::Set(elements), Value::String(_)) => {
            let mut only = value.take();
            typed(elements, &mut only);
            *value = Value::Array(vec![only]);
        }
        (Shape::Map { values, .. }, Value::Object(map)) => {
            map.values_mut().for_each(|value| typed(values, value))
        }
        (Shape::Record(fields), Value::Object(map)) => fields.type_form(map),
        (Shape::Foreign(_), Value::Object(map)) => map.values_mut().for_each(nothing),
        _as_it_is => {}
    }
}

fn nothing(value: &mut Value) {
    if value == "" {
        *value = Value::Null;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::kind;

    #[test]
    fn texts_become_what_the_rules_say() {
        let mut form = json!({
            "port": "80", "host": "1", "enabled": "true", "tls_verify": "yes", "tags": "a", "path": "", "retries": "x",
            "service": {"id": ""}
        });
        kind("services").unwrap().type_form(form.as_object_mut().unwrap());
        assert_eq!(
            form,
            json!({
                "port": 80, "host": "1", "enabled": true, "tls_verify": "yes", "tags": ["a"], "path": null, "retries": "x",
                "service": {"id": ""}
            })
        );
    }
}
