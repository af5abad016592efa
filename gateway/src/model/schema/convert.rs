//! JSON Schema keywords into field rules.
//!
//! What Kong's rules can say becomes such a rule, with Kong's texts. The rest (`not`, `if`, mixed
//! `oneOf`) is left to a JSON Schema validator that sees just those keywords.

use std::sync::Arc;

use jsonschema::PatternOptions;
use serde_json::{Map, Value};

use super::bounds::{ranges, texts};
use super::unfold::Unfolding;
use super::{MAX_DEPTH, SchemaFault, checks};
use crate::model::check::Writing;
use crate::model::complete;
use crate::model::field::{
    Field, Fields, Shape, array, boolean, integer, json, map, number, record, set, string,
};
use crate::model::rule::Rule;
use crate::model::validate;

/// A schema may name the same definition often; this bounds what it unfolds to.
const MAX_NODES: usize = 10_000;

/// Old names of fields, each of which has the rules of the new one once more.
const MOST_OLD_NAMES: usize = 64;

/// Keywords that no rule of ours expresses.
const OTHERS: [&str; 14] = [
    "if",
    "then",
    "else",
    "not",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "contains",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "multipleOf",
    "prefixItems",
    "allOf",
];

/// Walks one schema.
pub(super) struct Converter<'a> {
    root: &'a Value,
    nodes: usize,
    old_names: usize,
    /// The references that are being followed, to find loops.
    open: Vec<String>,
}

/// What a node says apart from the alternatives with null.
struct Node<'a> {
    keywords: &'a Map<String, Value>,
    nullable: bool,
}

impl<'a> Converter<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, nodes: 0, old_names: 0, open: Vec::new() }
    }

    /// The rules for `node`. A field that may not be null is marked required, and its record decides
    /// whether that stands.
    pub(super) fn convert(&mut self, node: &Value, pointer: &str) -> Result<Field, SchemaFault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(SchemaFault::at(
                pointer,
                "schema_too_large",
                "the schema unfolds to too many fields",
            ));
        }
        let keywords = match node {
            Value::Object(keywords) => keywords,
            Value::Bool(true) => return Ok(json()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(SchemaFault::at(pointer, "schema_invalid", "a field that accepts no value"));
            }
        };
        let mut field = self.shape(keywords, pointer)?;
        if let Some(default) = keywords.get("default") {
            field = with_default(field, default, pointer)?;
        }
        if let Some(Value::String(text)) = keywords.get("x-err") {
            field.err = Some(text.clone());
        }
        field.notes.extend(
            ["referenceable", "encrypted"]
                .into_iter()
                .filter(|note| keywords.get(&format!("x-{note}")).and_then(Value::as_bool).unwrap_or(false)),
        );
        Ok(field)
    }

    fn shape(&mut self, keywords: &Map<String, Value>, pointer: &str) -> Result<Field, SchemaFault> {
        if let Some(Value::String(target)) = keywords.get("$ref") {
            return self.follow(target, pointer);
        }
        if let Some(found) = self.alternatives(keywords, pointer)? {
            return Ok(found);
        }
        if let (Some(Value::Array(parts)), false) = (keywords.get("allOf"), keywords.contains_key("type"))
            && let [only] = parts.as_slice()
        {
            return self.convert(only, &format!("{pointer}/allOf/0"));
        }
        let node = Node { keywords, nullable: is_nullable(keywords) };
        let mut field = self.typed(&node, pointer)?;
        field = ranges(field, keywords);
        field = texts(field, keywords, pointer)?;
        if let Some(rest) = self.others(keywords, &OTHERS, pointer)? {
            field = field.rule(rest);
        }
        field.required = !node.nullable;
        Ok(field)
    }

    fn follow(&mut self, target: &str, pointer: &str) -> Result<Field, SchemaFault> {
        if self.open.iter().any(|open| open == target) {
            let text = format!("the reference {target} leads back to itself");
            return Err(SchemaFault::at(pointer, "schema_ref_loop", text));
        }
        let found = target.strip_prefix('#').and_then(|path| self.root.pointer(path));
        let found = found.ok_or_else(|| {
            SchemaFault::at(pointer, "schema_dangling_ref", format!("there is nothing at {target}"))
        })?;
        if self.open.len() >= MAX_DEPTH {
            let text = format!("more than {MAX_DEPTH} references, one behind the other");
            return Err(SchemaFault::at(pointer, "schema_too_deep", text));
        }
        self.open.push(target.to_owned());
        let field = self.convert(found, pointer);
        self.open.pop();
        field
    }

    /// `anyOf` and `oneOf`: "or null", a list of constants, or something for the validator.
    fn alternatives(
        &mut self,
        keywords: &Map<String, Value>,
        pointer: &str,
    ) -> Result<Option<Field>, SchemaFault> {
        let Some((name, all)) =
            ["anyOf", "oneOf"].into_iter().find_map(|name| Some((name, keywords.get(name)?.as_array()?)))
        else {
            return Ok(None);
        };
        let is_null = |node: &&Value| node.get("type").and_then(Value::as_str) == Some("null");
        let nullable = all.iter().any(|node| is_null(&node));
        let rest: Vec<&Value> = all.iter().filter(|node| !is_null(node)).collect();
        let mut field = match (rest.as_slice(), constants(&rest)) {
            ([only], _) => self.convert(only, &format!("{pointer}/{name}"))?,
            (_, Some(values)) => enumerated(&values),
            _ if keywords.contains_key("properties") => {
                let node = Node { keywords, nullable };
                let rest = self.others(keywords, &["anyOf", "oneOf"], pointer)?;
                let field = self.object(&node, pointer)?;
                rest.map_or(field.clone(), |rest| field.rule(rest))
            }
            _ => {
                let rest = self.others(keywords, &["anyOf", "oneOf"], pointer)?;
                rest.map_or(json(), |rest| json().rule(rest))
            }
        };
        field.required = !nullable && (field.required || rest.len() > 1);
        Ok(Some(field))
    }

    fn typed(&mut self, node: &Node<'_>, pointer: &str) -> Result<Field, SchemaFault> {
        let keywords = node.keywords;
        if let Some(values) = keywords.get("enum").and_then(Value::as_array) {
            let values: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
            return Ok(enumerated(&values));
        }
        if let Some(value) = keywords.get("const") {
            return Ok(enumerated(std::slice::from_ref(value)));
        }
        match type_name(keywords) {
            Some("string") => Ok(string()),
            Some("integer") => Ok(integer()),
            Some("number") => Ok(number()),
            Some("boolean") => Ok(boolean()),
            Some("array") => {
                let items = keywords.get("items").unwrap_or(&Value::Bool(true));
                let elements = self.convert(items, &format!("{pointer}/items"))?.optional();
                let unique = keywords.get("uniqueItems").and_then(Value::as_bool).unwrap_or(false);
                Ok(if unique { set(elements) } else { array(elements) })
            }
            Some("object") => self.object(node, pointer),
            None if keywords.contains_key("properties") => self.object(node, pointer),
            None => Ok(json()),
            Some(other) => {
                let text = format!("a field of the type {other} cannot be configured");
                Err(SchemaFault::at(pointer, "schema_invalid", text))
            }
        }
    }

    fn object(&mut self, node: &Node<'_>, pointer: &str) -> Result<Field, SchemaFault> {
        let properties = node.keywords.get("properties").and_then(Value::as_object);
        let more = node.keywords.get("additionalProperties");
        let Some(properties) =
            properties.filter(|found| !found.is_empty() || more.is_none_or(|more| *more == false))
        else {
            return match more {
                None if pointer.is_empty() => Ok(record(Fields::default())),
                Some(Value::Bool(false)) => Ok(record(Fields::default())),
                None | Some(Value::Bool(true)) => Ok(map(string(), json())),
                Some(values) => {
                    let values = self.convert(values, &format!("{pointer}/additionalProperties"))?;
                    Ok(map(string(), values.optional()))
                }
            };
        };
        let listed = node.keywords.get("required").and_then(Value::as_array);
        let mut fields = Fields::default();
        for (name, property) in properties {
            let below = format!("{pointer}/properties/{name}");
            let mut field = self.convert(property, &below)?;
            let named = listed.is_some_and(|listed| listed.iter().any(|found| found == name));
            field.required = field.required && (named || field.default.is_some() || field.record().is_some());
            fields.put(name.clone(), field);
        }
        let renamed =
            properties.iter().filter_map(|(name, property)| Some((name, property.get("x-replaced-by")?)));
        let mut old_names = Vec::new();
        for (name, place) in renamed {
            let below = format!("{pointer}/properties/{name}/x-replaced-by");
            self.old_names += 1;
            if self.old_names > MOST_OLD_NAMES {
                let text = format!("more than {MOST_OLD_NAMES} old names of fields");
                return Err(SchemaFault::at(&below, "schema_too_large", text));
            }
            old_names.push((name, old_name(&fields, properties, place, &below)?));
        }
        old_names.into_iter().for_each(|(name, old)| fields.put(name.clone(), old));
        if !pointer.is_empty() {
            fields.checks = checks::read(&Value::Object(node.keywords.clone()), "")?;
        }
        Ok(record(fields))
    }

    /// A validator for the keywords of `which` that are there.
    fn others(
        &self,
        keywords: &Map<String, Value>,
        which: &[&str],
        pointer: &str,
    ) -> Result<Option<Rule>, SchemaFault> {
        let mut rest: Map<String, Value> = keywords
            .iter()
            .filter(|(name, _)| which.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if rest.is_empty() {
            return Ok(None);
        }
        let mut unfolding = Unfolding::new(self.root, pointer);
        let theirs = keywords.iter().filter(|(name, _)| rest.contains_key(*name));
        theirs.map(|(_, value)| value).try_for_each(|value| unfolding.walk(value))?;
        for definitions in ["$defs", "definitions"] {
            if let Some(found) = self.root.get(definitions) {
                rest.insert(definitions.to_owned(), found.clone());
            }
        }
        jsonschema::draft202012::options()
            .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
            .build(&Value::Object(rest))
            .map(|validator| Some(Rule::Schema(Arc::new(validator))))
            .map_err(|found| SchemaFault::at(pointer, "schema_invalid", found.to_string()))
    }
}

/// The field that an old name stands for, under that name: one value, and not itself an old name.
fn old_name(
    fields: &Fields,
    properties: &Map<String, Value>,
    place: &Value,
    pointer: &str,
) -> Result<Field, SchemaFault> {
    let fault = || {
        let words = "x-replaced-by is the dotted path of a string, number or boolean of the same record";
        SchemaFault::at(pointer, "schema_invalid", words)
    };
    let path: Vec<String> = place.as_str().ok_or_else(fault)?.split('.').map(str::to_owned).collect();
    let (last, records) = path.split_last().ok_or_else(fault)?;
    let record = records.iter().try_fold(fields, |fields, name| fields.get(name)?.record());
    let field = record.and_then(|fields| fields.get(last)).ok_or_else(fault)?;
    let is_old = match records {
        [] => properties.get(last).is_some_and(|property| property.get("x-replaced-by").is_some()),
        _ => field.replaced_by.is_some(),
    };
    let is_value = matches!(field.shape, Shape::String | Shape::Integer | Shape::Number | Shape::Boolean);
    if is_old || !is_value {
        return Err(fault());
    }
    Ok(Field { required: false, default: None, replaced_by: Some(path), ..field.clone() })
}

/// The fields of a record, to be changed.
pub(super) fn record_mut(field: &mut Field) -> Option<&mut Fields> {
    if let Shape::Record(fields) = &mut field.shape { Some(fields) } else { None }
}

fn with_default(mut field: Field, default: &Value, pointer: &str) -> Result<Field, SchemaFault> {
    if default.is_null() {
        return Ok(field.optional());
    }
    if default == "" && matches!(field.shape, Shape::String) {
        field = field.len_min(0);
    }
    // The defaults of a record's fields say it all, unless the record says it differently.
    if field.record().is_none() {
        validate::field(&field, default, Writing::Insert).map_err(|found| {
            let text = format!("the default does not obey the schema: {found}");
            SchemaFault::at(pointer, "schema_bad_default", text)
        })?;
    }
    let default = complete::settled(&field, default.clone());
    // schemars writes the defaults of a record twice; Kong's schemas have them at its fields only.
    if field.record().is_some() && default == complete::settled(&field, Value::Object(Map::new())) {
        return Ok(field);
    }
    Ok(field.default(default))
}

fn is_nullable(keywords: &Map<String, Value>) -> bool {
    let has_null = |name| matches!(keywords.get(name), Some(Value::Array(list)) if list.iter().any(|value| value.is_null() || value == "null"));
    has_null("type") || has_null("enum")
}

fn type_name(keywords: &Map<String, Value>) -> Option<&str> {
    match keywords.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut others = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            let first = others.next();
            first.filter(|_| others.next().is_none())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The values, if each alternative is a constant: how schemars writes an enum with descriptions.
fn constants(nodes: &[&Value]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    for node in nodes {
        match (node.get("const"), node.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => values.push(value.clone()),
            (None, Some(list)) => values.extend(list.iter().cloned()),
            (None, None) => return None,
        }
    }
    Some(values)
}

fn enumerated(values: &[Value]) -> Field {
    let field = match values.first() {
        Some(Value::String(_)) if values.iter().all(Value::is_string) => string(),
        Some(Value::Number(_)) if values.iter().all(Value::is_i64) => integer(),
        Some(Value::Number(_)) if values.iter().all(Value::is_number) => number(),
        Some(Value::Bool(_)) if values.iter().all(Value::is_boolean) => boolean(),
        _ => json(),
    };
    let field = if values.iter().any(|value| value == "") { field.len_min(0) } else { field };
    field.rule(Rule::OneOf(values.to_vec())).required()
}
