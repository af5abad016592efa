//! JSON Schema of a configuration type, in the part of the language that the gateway reads.
//!
//! The gateway knows no references and no `anyOf`, so everything is inlined, an optional field is
//! written with a nullable type, and what only speaks of Rust's number sizes is left out.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Number, Value};

/// The schema of `C` as it is uploaded.
///
/// Bounds come from `#[schemars(..)]` attributes, defaults from serde, descriptions from the docs
/// of the fields, checks over several fields from `#[schemars(extend("x-checks" = ..))]`. The default
/// of a type of your own is in the schema only if the type is `Serialize` as well; a field that is
/// left out and has no default there reaches the plugin as null.
///
/// ```
/// use weir_plugin_sdk::{JsonSchema, schema};
///
/// #[derive(serde::Deserialize, JsonSchema)]
/// struct Config {
///     /// How many.
///     #[serde(default)]
///     #[schemars(range(min = 1))]
///     limit: Option<u32>,
/// }
///
/// let schema = schema::of::<Config>();
/// assert_eq!(schema["properties"]["limit"]["type"], serde_json::json!(["integer", "null"]));
/// assert_eq!(schema["properties"]["limit"]["description"], "How many.");
/// ```
pub fn of<C: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<C>().to_value();
    if let Value::Object(object) = &mut schema {
        object.remove("title");
    }
    tidy(&mut schema);
    schema
}

fn tidy(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    object.remove("format");
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = unwrapped(description);
    }
    if let Some(merged) = nullable_of(object) {
        object.remove("anyOf");
        for (key, value) in merged {
            object.entry(key).or_insert(value);
        }
    }
    if let Some(default) = object.get_mut("default") {
        whole_numbers(default);
    }
    for key in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
        if let Some(bound) = object.get_mut(key) {
            whole_numbers(bound);
        }
    }
    for key in ["items", "additionalProperties", "propertyNames"] {
        if let Some(inner) = object.get_mut(key) {
            tidy(inner);
        }
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(tidy);
    }
}

/// `anyOf: [X, null]` becomes `X` with a nullable type.
fn nullable_of(object: &Map<String, Value>) -> Option<Map<String, Value>> {
    let Some(Value::Array(cases)) = object.get("anyOf") else {
        return None;
    };
    let [Value::Object(of), Value::Object(null)] = cases.as_slice() else {
        return None;
    };
    if null.get("type") != Some(&Value::from("null")) {
        return None;
    }
    let mut merged = of.clone();
    match merged.get_mut("type") {
        Some(kind @ Value::String(_)) => *kind = Value::Array(vec![kind.take(), "null".into()]),
        Some(_) => {}
        // An enum with docs is a choice of its words.
        None => merged.get_mut("oneOf")?.as_array_mut()?.push(Value::Object(null.clone())),
    }
    Some(merged)
}

/// Docs are wrapped where the source is; an operator's screen wraps by itself.
fn unwrapped(description: &str) -> String {
    let paragraphs = description.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// Writes 60.0 as 60, as an operator would.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|_| number.is_f64()).filter(|float| float.fract() == 0.0);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a default within i64 has no fraction to lose"
            )]
            if let Some(float) = whole.filter(|float| float.abs() < 9e15) {
                *number = Number::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Config {
        /// In words
        /// on two lines.
        name: Option<String>,
        colour: Option<Colour>,
        shape: Option<Shape>,
        inner: Inner,
        #[schemars(extend("exclusiveMinimum" = 0))]
        ratio: f64,
        more: Option<Inner>,
    }

    #[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    struct Inner {
        names: Vec<String>,
    }

    #[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Shape {
        /// Without corners.
        Round,
        /// With four.
        Square,
    }

    impl Default for Config {
        fn default() -> Self {
            let (name, more, inner) = (None, None, Inner::default());
            Self { name, colour: Some(Colour::Red), shape: Some(Shape::Round), inner, ratio: 60.0, more }
        }
    }

    #[test]
    fn is_written_in_the_part_of_the_language_that_the_gateway_reads() {
        let schema = of::<Config>();
        let property = |name: &str| schema["properties"][name].clone();
        let text = property("name");
        assert_eq!(
            (&text["type"], &text["description"]),
            (&json!(["string", "null"]), &json!("In words on two lines."))
        );
        let colour = property("colour");
        assert_eq!(colour["enum"], json!(["red", "green", null]), "{colour}");
        assert_eq!(colour["default"], json!("red"));
        let shape = property("shape");
        assert_eq!(shape["oneOf"][2], json!({"type": "null"}), "{shape}");
        assert_eq!((&shape["oneOf"][1]["const"], &shape["default"]), (&json!("square"), &json!("round")));
        assert_eq!(
            property("inner")["properties"]["names"]["default"],
            json!([]),
            "records say their own defaults"
        );
        assert_eq!(
            property("ratio"),
            json!({"type": "number", "default": 60, "exclusiveMinimum": 0}),
            "no format, no 60.0"
        );
        assert_eq!(property("more")["type"], json!(["object", "null"]), "{}", property("more"));
        let written = schema.to_string();
        assert!(!written.contains("$ref") && !written.contains("anyOf"), "{written}");
    }
}
