//! How a kind is described, word by word.

use serde_json::Value;

use super::{Composite, Foreign, Kind, Listed, Settle, Shorthand, Variants};
use crate::model::check::Check;
use crate::model::field::{Field, Fields, Shape};
use crate::model::record::Document;

impl Kind {
    pub(in crate::model) fn new(name: &'static str) -> Self {
        Self {
            name,
            path: name,
            nested: name,
            endpoint_key: None,
            ttl: false,
            generic: true,
            fields: Fields::default(),
            uniques: Vec::new(),
            secrets: Vec::new(),
            composites: Vec::new(),
            foreigns: Vec::new(),
            shorthands: Vec::new(),
            variants: Variants::None,
            settle: None,
            transform: None,
            key_below: None,
            listed: None,
            listed_in: &[],
        }
    }

    pub(in crate::model) fn paths(mut self, path: &'static str, nested: &'static str) -> Self {
        (self.path, self.nested) = (path, nested);
        self
    }

    pub(in crate::model) fn endpoint_key(mut self, field: &'static str) -> Self {
        self.endpoint_key = Some(field);
        self
    }

    pub(in crate::model) fn with_ttl(mut self) -> Self {
        self.ttl = true;
        self
    }

    pub(in crate::model) fn special(mut self) -> Self {
        self.generic = false;
        self
    }

    pub(in crate::model) fn field(mut self, name: &'static str, field: Field) -> Self {
        if field.unique {
            self.uniques.push(name);
        }
        self.secrets.extend(field.secrets(name));
        if let Shape::Foreign(target) = field.shape {
            self.foreigns.push(Foreign { field: name, target, on_delete: field.on_delete });
        }
        self.fields.put(name, field);
        self
    }

    pub(in crate::model) fn unique_together(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
    ) -> Self {
        self.composites.push(Composite { name, fields, also: None });
        self
    }

    /// The last composite key takes `field` into account where it is set.
    pub(in crate::model) fn also_told_apart_by(mut self, field: &'static str) -> Self {
        self.composites.iter_mut().last().into_iter().for_each(|key| key.also = Some(field));
        self
    }

    /// As [`Self::unique_together`], and the last field stands for the id below a parent.
    pub(in crate::model) fn key_below(mut self, name: &'static str, fields: &'static [&'static str]) -> Self {
        self.key_below = Some(Composite { name, fields, also: None });
        self.unique_together(name, fields)
    }

    pub(in crate::model) fn listing(mut self, listed: Listed) -> Self {
        self.listed = Some(listed);
        self
    }

    pub(in crate::model) fn listed_in(mut self, places: &'static [(&'static str, &'static str)]) -> Self {
        self.listed_in = places;
        self
    }

    pub(in crate::model) fn settle(mut self, settle: Settle) -> Self {
        self.settle = Some(settle);
        self
    }

    /// As [`Self::settle`], for what a declarative file can leave undone because it is done already:
    /// passwords that are hashes.
    pub(in crate::model) fn transform(mut self, transform: Settle) -> Self {
        self.transform = Some(transform);
        self
    }

    pub(in crate::model) fn check(mut self, check: Check) -> Self {
        self.fields.checks.push(check);
        self
    }

    pub(in crate::model) fn shorthand(
        mut self,
        name: &'static str,
        field: Field,
        expand: fn(&Value) -> Document,
    ) -> Self {
        self.shorthands.push(Shorthand { name, field, expand });
        self
    }

    pub(in crate::model) fn variants(mut self, variants: Variants) -> Self {
        self.variants = variants;
        self
    }
}
