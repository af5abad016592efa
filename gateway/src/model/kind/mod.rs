//! A kind of entity, described once: the Admin API, the store, the schemas and the checks all read this.

mod describing;

use serde_json::Value;
use uuid::Uuid;

use crate::model::check::{Check, Writing};
use crate::model::field::{Field, Fields};
use crate::model::record::{Document, Link, OnDelete, Record, UniqueKey};
use crate::model::rule::{is_uuid, plain};
use crate::model::validate;
use crate::model::violations::Violations;

/// Where the unix second of an entity's end is kept; printed as `ttl`, the seconds that are left.
pub const EXPIRES_AT: &str = "expires_at";

/// Everything that is to know about one kind of entity.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Name in the plural: `services`, `keyauth_credentials`.
    pub name: &'static str,
    /// Its collection in the Admin API: `key-auths`.
    pub path: &'static str,
    /// Its collection below a parent: `key-auth`.
    pub nested: &'static str,
    /// The field that may stand for the id in a path.
    pub endpoint_key: Option<&'static str>,
    /// Entities may carry a `ttl`.
    pub ttl: bool,
    /// The generic endpoints serve it.
    pub generic: bool,
    pub(in crate::model) fields: Fields,
    pub(in crate::model) uniques: Vec<&'static str>,
    pub(in crate::model) secrets: Vec<String>,
    pub(in crate::model) composites: Vec<Composite>,
    pub(in crate::model) foreigns: Vec<Foreign>,
    pub(in crate::model) shorthands: Vec<Shorthand>,
    pub(in crate::model) variants: Variants,
    pub(in crate::model) settle: Option<Settle>,
    pub(in crate::model) transform: Option<Settle>,
    /// Fields that are unique together: the last of them stands for the id below the parent in the first.
    pub key_below: Option<Composite>,
    /// Names in it that are entities of another kind.
    pub listed: Option<Listed>,
    /// Kinds and dotted fields that list ids of it, and keep it from being deleted.
    pub listed_in: &'static [(&'static str, &'static str)],
}

/// Brings a valid entity into the form in which it is kept. A change comes with what was stored and what
/// was sent.
pub(in crate::model) type Settle =
    fn(entity: &mut Document, change: Option<(&Document, &Document)>) -> Result<(), Violations>;

/// A field that is kept nowhere: the names of entities of another kind that refer to this one. Each of
/// the names also stands for the id in a path.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// The field: `snis` of a certificate.
    pub field: &'static str,
    /// The kind of the entities that are named.
    pub kind: &'static str,
    /// Their unique name.
    pub key: &'static str,
    /// Their reference to this entity.
    pub back: &'static str,
    /// The message where a name in a path is nobody's.
    pub missing: &'static str,
}

/// Several fields that are unique together.
#[derive(Debug, Clone, Copy)]
pub struct Composite {
    /// The fields, joined by commas.
    pub name: &'static str,
    /// The fields.
    pub fields: &'static [&'static str],
    /// One more, which counts where it is set: it came later than the keys that are stored.
    pub also: Option<&'static str>,
}

/// A reference to another kind.
#[derive(Debug, Clone, Copy)]
pub struct Foreign {
    /// The field that holds it.
    pub field: &'static str,
    /// The kind referred to.
    pub target: &'static str,
    /// What a delete of the other does.
    pub on_delete: OnDelete,
}

/// A field that is accepted and taken apart, never kept.
#[derive(Debug, Clone)]
pub(in crate::model) struct Shorthand {
    pub(in crate::model) name: &'static str,
    pub(in crate::model) field: Field,
    pub(in crate::model) expand: fn(&Value) -> Document,
}

/// Rules that depend on a value of the entity.
#[derive(Debug, Clone)]
pub(in crate::model) enum Variants {
    None,
    /// Chosen by the entity itself: the protocols of a route.
    Own {
        select: fn(&Document) -> Option<&'static str>,
        table: Vec<(&'static str, Variant)>,
    },
    /// Chosen by `name`, one of a closed set: the sort of a vault.
    Named {
        unknown: &'static str,
        table: Vec<(&'static str, Variant)>,
    },
    /// Given from outside: the plugin's own rules, by `name`.
    Given {
        field: &'static str,
        unknown: &'static str,
    },
}

/// Fields and checks that replace, and add to, those of the kind.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    pub(in crate::model) fields: Vec<(&'static str, Field)>,
    pub(in crate::model) checks: Vec<Check>,
}

impl Kind {
    /// The rules of its fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Its references to other kinds.
    #[must_use]
    pub fn foreigns(&self) -> &[Foreign] {
        &self.foreigns
    }

    /// Fields that are unique each.
    #[must_use]
    pub fn uniques(&self) -> &[&'static str] {
        &self.uniques
    }

    /// Fields that are unique together.
    #[must_use]
    pub fn composites(&self) -> &[Composite] {
        &self.composites
    }

    /// The names of its fields, in the order in which they are declared.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.list.iter().map(|(name, _)| name.as_ref())
    }

    /// Fields that the gateway fills where nothing was sent.
    pub fn generated(&self) -> impl Iterator<Item = &str> {
        self.fields.list.iter().filter(|(_, rule)| rule.auto).map(|(name, _)| name.as_ref())
    }

    /// The entity without the nulls that a reader would put back by himself.
    #[must_use]
    pub fn without_nulls(&self, mut document: Document) -> Document {
        document.retain(|name, value| {
            let default = self.fields.get(name).and_then(|rule| rule.default.as_ref());
            !value.is_null() || default.is_some_and(|default| !default.is_null())
        });
        document
    }

    /// Dotted fields whose values are sealed where they are kept. Each holds a text or a record.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// The composite key of this name.
    #[must_use]
    pub fn composite(&self, name: &str) -> Option<Composite> {
        self.composites.iter().copied().find(|key| key.name == name)
    }

    /// The field whose value chooses rules that are given from outside: `name` of a plugin.
    #[must_use]
    pub fn given_by(&self) -> Option<&'static str> {
        match self.variants {
            Variants::Given { field, .. } => Some(field),
            Variants::None | Variants::Own { .. } | Variants::Named { .. } => None,
        }
    }

    /// The violation for a value of that field which nobody knows.
    #[must_use]
    pub fn unknown_variant(&self, value: &str) -> Violations {
        match self.variants {
            Variants::Given { field, unknown } => Violations::of(field, unknown.replace("%s", value)),
            Variants::Named { unknown, .. } => Violations::of("name", unknown.replace("%s", value)),
            Variants::None | Variants::Own { .. } => Violations::of("name", format!("unknown type: {value}")),
        }
    }

    /// The rules of one of its own sorts: `env` of vaults.
    #[must_use]
    pub fn variant(&self, name: &str) -> Option<&Variant> {
        match &self.variants {
            Variants::Own { table, .. } | Variants::Named { table, .. } => {
                table.iter().find(|(known, _)| *known == name).map(|(_, variant)| variant)
            }
            Variants::None | Variants::Given { .. } => None,
        }
    }

    /// The kind with the rules of `variant` in place of its own.
    #[must_use]
    pub fn with(&self, variant: &Variant) -> Self {
        let mut kind = self.clone();
        for (name, field) in &variant.fields {
            kind.fields.put(*name, field.clone());
        }
        kind.fields.checks.extend(variant.checks.iter().cloned());
        kind
    }

    /// Checks a value for one field on its own, as it stands in a path.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check_value(&self, field: &str, value: &Value) -> Result<(), String> {
        let Some(rule) = self.fields.get(field) else {
            return Err("unknown field".to_owned());
        };
        validate::field(rule, value, Writing::Insert).map_err(|found| plain(&found))
    }

    /// A valid entity in the form in which the store keeps it.
    ///
    /// # Errors
    ///
    /// The entity has no id that could be a key.
    pub fn record(&self, document: Document) -> Result<Record, Violations> {
        let id = id_of(&document).ok_or_else(|| Violations::of("id", "expected a valid UUID"))?;
        let unique = |field: &&'static str| {
            let value = document.get(*field)?.as_str()?;
            (!value.is_empty()).then(|| UniqueKey { field, value: value.to_owned() })
        };
        let mut keys: Vec<UniqueKey> = self.uniques.iter().filter_map(unique).collect();
        keys.extend(self.composites.iter().map(|key| {
            let values: Vec<String> =
                key.fields_of(&document).map(|field| key_text(document.get(field))).collect();
            UniqueKey { field: key.name, value: values.join(",") }
        }));
        let link = |foreign: &Foreign| {
            let id = id_of(document.get(foreign.field)?.as_object()?)?;
            Some(Link { field: foreign.field, target: foreign.target, id, on_delete: foreign.on_delete })
        };
        let links = self.foreigns.iter().filter_map(link).collect();
        let tags = document.get("tags").and_then(Value::as_array);
        let tags = tags.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let expires_at = document.get(EXPIRES_AT).and_then(Value::as_i64);
        Ok(Record { kind: self.name, id, keys, links, tags, expires_at, document })
    }

    /// The entity as the Admin API prints it at the second `now`.
    #[must_use]
    pub fn shown(&self, mut document: Document, now: i64) -> Document {
        let expires_at = document.remove(EXPIRES_AT).and_then(|at| at.as_i64());
        // Fields that came to the kind after the entity.
        for (name, rule) in &self.fields.list {
            if !document.contains_key(name.as_ref()) && !rule.notes.contains(&"transient") {
                document.insert(name.to_string(), rule.default.clone().unwrap_or(Value::Null));
            }
        }
        if self.ttl {
            // Whole seconds, as in Kong: the one that has begun is not one of them.
            let left = expires_at.map_or(Value::Null, |at| (at - now - 1).max(0).into());
            document.insert("ttl".to_owned(), left);
        }
        document
    }
}

impl Composite {
    /// The fields that tell this entity apart.
    pub fn fields_of(self, entity: &Document) -> impl Iterator<Item = &'static str> {
        let also = self.also.filter(|field| entity.get(*field).is_some_and(|value| !value.is_null()));
        self.fields.iter().copied().chain(also)
    }
}

/// The id of an entity or of a reference.
#[must_use]
pub fn id_of(document: &Document) -> Option<Uuid> {
    let text = document.get("id")?.as_str()?;
    is_uuid(text).then(|| Uuid::try_parse(text).ok()).flatten()
}

fn key_text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(map)) => map.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_))) => other.to_string(),
        None | Some(Value::Null) => String::new(),
    }
}
