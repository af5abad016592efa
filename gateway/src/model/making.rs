//! How an entity comes to be: what was sent, completed, validated, with what the gateway adds.

use std::borrow::Cow;

use serde_json::Value;
use uuid::Uuid;

use super::check::Writing;
use super::complete;
use super::field::Shape;
use super::kind::{EXPIRES_AT, Kind, Variants};
use super::record::Document;
use super::validate;
use super::violations::Violations;

const LONGEST_TTL: i64 = 100_000_000;

impl Kind {
    /// A new entity out of what was sent. `now` is the unix second.
    ///
    /// # Errors
    ///
    /// All violations of the kind's rules.
    pub fn create(&self, mut sent: Document, now: i64) -> Result<Document, Violations> {
        self.expand(&mut sent)?;
        let kind = self.resolve(&sent);
        kind.generate(&mut sent, now);
        complete::defaults(&kind.fields, &mut sent);
        kind.finish(sent, now, Writing::Insert)
    }

    /// The entity that `stored` becomes when `sent` is laid over it.
    ///
    /// # Errors
    ///
    /// All violations of the kind's rules by the whole entity.
    pub fn update(&self, stored: &Document, mut sent: Document, now: i64) -> Result<Document, Violations> {
        self.expand(&mut sent)?;
        let kind = self.resolve(&complete::merge(&self.fields, stored, sent.clone()));
        complete::sent(&kind.fields, &mut sent);
        let mut merged = complete::merge(&kind.fields, stored, sent);
        if kind.fields.get("updated_at").is_some() {
            merged.insert("updated_at".to_owned(), now.into());
        }
        complete::defaults(&kind.fields, &mut merged);
        kind.finish(merged, now, Writing::Update)
    }

    fn finish(&self, mut entity: Document, now: i64, writing: Writing) -> Result<Document, Violations> {
        let mut errors = validate::fields(&self.fields, &entity, writing, &["updated_at", "ttl", EXPIRES_AT]);
        if let Err(text) = self.expiry(&mut entity, now) {
            errors.insert("ttl".to_owned(), text.into());
        }
        if self.fields.get("updated_at").is_none() {
            entity.remove("updated_at");
        }
        if errors.is_empty() { Ok(entity) } else { Err(Violations { fields: errors }) }
    }

    /// Turns a `ttl` that was sent into the moment at which the entity ends.
    fn expiry(&self, entity: &mut Document, now: i64) -> Result<(), &'static str> {
        let ttl = entity.remove("ttl");
        if !self.ttl {
            entity.remove(EXPIRES_AT);
            return Ok(());
        }
        match ttl {
            None => Ok(()),
            Some(Value::Null) => {
                entity.remove(EXPIRES_AT);
                Ok(())
            }
            Some(value) => match value.as_i64() {
                Some(0) => {
                    entity.remove(EXPIRES_AT);
                    Ok(())
                }
                Some(seconds) if (0..=LONGEST_TTL).contains(&seconds) => {
                    entity.insert(EXPIRES_AT.to_owned(), (now + seconds).into());
                    Ok(())
                }
                Some(_) | None => Err("must be an integer between 0 and 100000000"),
            },
        }
    }

    /// Takes shorthand fields apart; what they say goes over what was sent beside them.
    fn expand(&self, sent: &mut Document) -> Result<(), Violations> {
        sent.remove(EXPIRES_AT);
        for shorthand in &self.shorthands {
            let Some(value) = sent.remove(shorthand.name) else {
                continue;
            };
            validate::field(&shorthand.field, &value, Writing::Insert).map_err(|found| {
                let mut fields = Document::new();
                fields.insert(shorthand.name.to_owned(), found);
                Violations { fields }
            })?;
            if !value.is_null() {
                sent.extend((shorthand.expand)(&value));
            }
        }
        Ok(())
    }

    fn resolve(&self, entity: &Document) -> Cow<'_, Self> {
        match &self.variants {
            Variants::None | Variants::Given { .. } => Cow::Borrowed(self),
            Variants::Own { select, table } => {
                let wanted = select(entity);
                let found = table.iter().find(|(name, _)| Some(*name) == wanted);
                found.map_or(Cow::Borrowed(self), |(_, variant)| Cow::Owned(self.with(variant)))
            }
        }
    }

    /// Fills the fields that the gateway makes: ids, keys, times.
    fn generate(&self, sent: &mut Document, now: i64) {
        for (name, rule) in self.fields.list.iter().filter(|(_, rule)| rule.auto) {
            let absent = sent.get(name.as_ref()).is_none_or(Value::is_null);
            let value: Value = match (name.as_ref(), &rule.shape) {
                ("updated_at", _) => now.into(),
                ("created_at", _) if absent => now.into(),
                ("id", _) if absent => Uuid::new_v4().to_string().into(),
                (_, Shape::String) if absent => complete::random_key().into(),
                _kept => continue,
            };
            sent.insert(name.to_string(), value);
        }
        if let Some(Value::String(id)) = sent.get_mut("id") {
            id.make_ascii_lowercase();
        }
    }
}
