//! Old names of fields: what is sent by one goes to its new place, and is printed in both.

use serde_json::Value;

use super::check::Writing;
use super::field::{Fields, Shape};
use super::record::Document;
use super::validate;
use super::violations::Violations;

/// Puts what was sent by an old name where it stands now, in the records below as well.
///
/// # Errors
///
/// A value that the field does not take, or another one than was sent by the new name (Kong's words).
pub(super) fn resolve(rules: &Fields, sent: &mut Document) -> Result<(), Violations> {
    let fields = moved(rules, sent);
    if fields.is_empty() { Ok(()) } else { Err(Violations { fields }) }
}

fn moved(rules: &Fields, sent: &mut Document) -> Document {
    let mut wrong = Document::new();
    for (name, rule) in &rules.list {
        match (&rule.replaced_by, &rule.shape) {
            (Some(path), _) => {
                let Some(value) = sent.remove(name.as_ref()).filter(|value| !value.is_null()) else {
                    continue;
                };
                let checked = validate::field(rule, &value, Writing::Insert);
                let shown = !rule.notes.contains(&"encrypted");
                if let Err(found) = checked.and_then(|()| put(sent, (name, path), value, shown)) {
                    wrong.insert(name.to_string(), found);
                }
            }
            (None, Shape::Record(below)) if !rule.open => {
                let Some(Value::Object(values)) = sent.get_mut(name.as_ref()) else { continue };
                let found = Some(moved(below, values)).filter(|found| !found.is_empty());
                wrong.extend(found.map(|found| (name.to_string(), found.into())));
            }
            (None, _) => {}
        }
    }
    wrong
}

/// Says by the old names what stands under the new ones.
pub(super) fn mirror(rules: &Fields, values: &mut Document) {
    for (name, rule) in &rules.list {
        if let Some(path) = &rule.replaced_by {
            values.insert(name.to_string(), at(values, path).cloned().unwrap_or_default());
        }
    }
}

fn at<'v>(values: &'v Document, path: &[String]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(values.get(first)?, |value, name| value.get(name))
}

/// `shown`: what is secret is not repeated in an error.
fn put(
    values: &mut Document,
    (old, path): (&str, &[String]),
    value: Value,
    shown: bool,
) -> Result<(), Value> {
    match at(values, path).filter(|known| !known.is_null()) {
        Some(known) if *known != value => {
            let (new, words) =
                (path.join("."), "both deprecated and new field are used but their values mismatch");
            return Err(match shown {
                true => format!("{words}: {old} = {} vs {new} = {}", text(&value), text(known)),
                false => format!("{words}: {old} vs {new}"),
            }
            .into());
        }
        Some(_) => return Ok(()),
        None => {}
    }
    let Some((last, records)) = path.split_last() else { return Ok(()) };
    let mut record = values;
    for name in records {
        let below = record.entry(name.as_str()).or_insert(Value::Null);
        if below.is_null() {
            *below = Value::Object(Document::new());
        }
        // What is no record is refused by the rules of the new field.
        let Value::Object(below) = below else { return Ok(()) };
        record = below;
    }
    record.insert(last.clone(), value);
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::{Document, kind, schema};

    fn document(value: serde_json::Value) -> Document {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_old_name_is_the_new_one() {
        let rules = json!({
            "type": "object",
            "properties": {
                "old": { "type": ["integer", "null"], "x-replaced-by": "far.new" },
                "far": { "type": "object", "properties": { "new": { "type": "integer", "default": 5, "maximum": 9 } } },
            }
        });
        let variant = schema::plugin_rules(&rules, false).unwrap();
        let described = variant.described();
        let config =
            described["fields"].as_array().unwrap().iter().find_map(|field| field.get("config")).unwrap();
        assert_eq!(config["fields"].as_array().unwrap().len(), 1, "{config}");
        let short = &config["shorthand_fields"][0]["old"];
        assert_eq!(short["deprecation"]["replaced_with"], json!([{ "path": ["far", "new"] }]), "{config}");
        assert_eq!((&short["type"], &short["default"]), (&json!("integer"), &json!(null)), "{config}");

        let plugins = kind("plugins").unwrap().with(&variant);
        let create = |config| {
            plugins
                .create(document(json!({ "name": "p", "config": config })), 1)
                .map(|made| made["config"].clone())
        };
        let both = |value: i64| json!({ "old": value, "far": { "new": value } });
        assert_eq!(create(json!({})), Ok(both(5)), "the default is told by both names");
        assert_eq!(create(json!({ "old": 7 })), Ok(both(7)));
        assert_eq!(create(json!({ "far": { "new": 7 } })), Ok(both(7)));
        assert_eq!(create(json!({ "old": 7, "far": { "new": 7 } })), Ok(both(7)));
        assert_eq!(create(json!({ "old": null, "far": { "new": 7 } })), Ok(both(7)));
        for (config, wrong) in [
            (
                json!({ "old": 7, "far": { "new": 8 } }),
                "both deprecated and new field are used but their values mismatch: old = 7 vs far.new = 8",
            ),
            (json!({ "old": "x" }), "expected an integer"),
            (json!({ "old": 10 }), "value must be at most 9"),
        ] {
            let found = create(config).unwrap_err();
            let text = found.fields["config"]["old"].as_str().unwrap();
            assert!(text.starts_with(wrong), "{text}");
        }

        let stored = plugins.create(document(json!({ "name": "p", "config": { "old": 7 } })), 1).unwrap();
        for sent in [json!({ "old": 8 }), json!({ "far": { "new": 8 } })] {
            let changed = plugins.update(&stored, document(json!({ "config": sent })), 2).unwrap();
            assert_eq!(changed["config"], both(8), "whichever name is sent");
        }
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let rules = json!({
            "type": "object",
            "properties": {
                "old": { "type": "string", "x-replaced-by": "new" },
                "new": { "type": "string", "x-encrypted": true },
            }
        });
        let plugins = kind("plugins").unwrap().with(&schema::plugin_rules(&rules, false).unwrap());
        let sent = json!({ "name": "p", "config": { "old": "s3cret", "new": "t0ken" } });
        let found = plugins.create(document(sent), 1).unwrap_err();
        let text = found.fields["config"]["old"].as_str().unwrap();
        assert!(text.ends_with("mismatch: old vs new"), "{text}");
    }

    #[test]
    fn an_old_name_stands_for_one_value_that_is_there() {
        let fault = |properties: serde_json::Value| {
            let rules = json!({ "type": "object", "properties": properties });
            let fault = schema::plugin_rules(&rules, false).unwrap_err();
            (fault.reason, fault.pointer)
        };
        let old = |place: &str| json!({ "type": "integer", "x-replaced-by": place });
        let wrong = ("schema_invalid", "/properties/old/x-replaced-by".to_owned());
        let record = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
        for (case, properties) in [
            ("nothing", json!({ "old": old("new") })),
            ("itself", json!({ "old": old("old") })),
            (
                "an old name",
                json!({ "old": old("other"), "other": old("new"), "new": { "type": "integer" } }),
            ),
            ("a record", json!({ "old": old("new"), "new": record })),
        ] {
            assert_eq!(fault(properties), wrong, "{case}");
        }
        let mut many: Document = (0..65).map(|number| (format!("old{number}"), old("new"))).collect();
        many.insert("new".into(), json!({ "type": "integer" }));
        assert_eq!(fault(many.into()).0, "schema_too_large");
    }
}
