//! How an entity comes to be: what was sent, completed, validated, with what the gateway adds.

use std::borrow::Cow;

use serde_json::Value;
use uuid::Uuid;

use super::check::Writing;
use super::complete;
use super::field::Shape;
use super::kind::{EXPIRES_AT, Kind, Variants};
use super::moment::Moment;
use super::record::Document;
use super::renamed;
use super::validate;
use super::violations::Violations;

const LONGEST_TTL: i64 = 100_000_000;

impl Kind {
    /// A new entity out of what was sent.
    ///
    /// # Errors
    ///
    /// All violations of the kind's rules.
    pub fn create(&self, sent: Document, now: impl Into<Moment>) -> Result<Document, Violations> {
        let mut entity = self.create_as_kept(sent, now)?;
        self.transformed(&mut entity, None)?;
        Ok(entity)
    }

    /// A new entity out of one that was kept before: what is a hash already is not hashed again.
    ///
    /// # Errors
    ///
    /// All violations of the kind's rules.
    pub fn create_as_kept(&self, mut sent: Document, now: impl Into<Moment>) -> Result<Document, Violations> {
        let now = now.into();
        self.expand(&mut sent)?;
        let kind = self.resolve(&sent)?;
        renamed::resolve(&kind.fields, &mut sent)?;
        kind.generate(&mut sent, now);
        complete::defaults(&kind.fields, &mut sent);
        let mut entity = kind.finish(sent, now, Writing::Insert)?;
        kind.settled(&mut entity, None)?;
        Ok(entity)
    }

    /// The entity that `stored` becomes when `sent` is laid over it.
    ///
    /// # Errors
    ///
    /// All violations of the kind's rules by the whole entity.
    pub fn update(
        &self,
        stored: &Document,
        mut sent: Document,
        now: impl Into<Moment>,
    ) -> Result<Document, Violations> {
        let now = now.into();
        self.expand(&mut sent)?;
        let kind = self.resolve(&complete::merge(&self.fields, stored, sent.clone()))?;
        renamed::resolve(&kind.fields, &mut sent)?;
        complete::sent(&kind.fields, &mut sent);
        let mut merged = complete::merge(&kind.fields, stored, sent.clone());
        if let Some(rule) = kind.fields.get("updated_at") {
            merged.insert("updated_at".to_owned(), time(&rule.shape, now));
        }
        complete::defaults(&kind.fields, &mut merged);
        let mut entity = kind.finish(merged, now, Writing::Update)?;
        kind.settled(&mut entity, Some((stored, &sent)))?;
        kind.transformed(&mut entity, Some((stored, &sent)))?;
        Ok(entity)
    }

    /// Brings a valid entity into the form in which it is kept.
    fn settled(
        &self,
        entity: &mut Document,
        change: Option<(&Document, &Document)>,
    ) -> Result<(), Violations> {
        self.settle.map_or(Ok(()), |settle| settle(entity, change))
    }

    /// Passwords become hashes.
    fn transformed(
        &self,
        entity: &mut Document,
        change: Option<(&Document, &Document)>,
    ) -> Result<(), Violations> {
        self.transform.map_or(Ok(()), |transform| transform(entity, change))
    }

    fn finish(&self, mut entity: Document, now: Moment, writing: Writing) -> Result<Document, Violations> {
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
    fn expiry(&self, entity: &mut Document, now: Moment) -> Result<(), &'static str> {
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
                    entity.insert(EXPIRES_AT.to_owned(), (now.seconds() + seconds).into());
                    Ok(())
                }
                Some(_) | None => Err("must be an integer between 0 and 100000000"),
            },
        }
    }

    /// Takes shorthand fields apart; what they say goes over what was sent beside them.
    fn expand(&self, sent: &mut Document) -> Result<(), Violations> {
        sent.remove(EXPIRES_AT);
        // One after the other, as in Kong: what an earlier one says, a later one takes for sent.
        for shorthand in &self.shorthands {
            let Some(value) = sent.remove(shorthand.name) else { continue };
            validate::field(&shorthand.field, &value, Writing::Insert).map_err(|found| {
                let mut fields = Document::new();
                fields.insert(shorthand.name.to_owned(), found);
                Violations { fields }
            })?;
            sent.extend((shorthand.expand)(&value));
        }
        Ok(())
    }

    fn resolve(&self, entity: &Document) -> Result<Cow<'_, Self>, Violations> {
        match &self.variants {
            Variants::None | Variants::Given { .. } => Ok(Cow::Borrowed(self)),
            Variants::Own { select, table } => {
                let wanted = select(entity);
                let found = table.iter().find(|(name, _)| Some(*name) == wanted);
                Ok(found.map_or(Cow::Borrowed(self), |(_, variant)| Cow::Owned(self.with(variant))))
            }
            Variants::Named { table, .. } => match entity.get("name").and_then(Value::as_str) {
                None => Ok(Cow::Borrowed(self)),
                Some(name) => {
                    let found = table.iter().find(|(known, _)| *known == name);
                    let (_, variant) = found.ok_or_else(|| self.unknown_variant(name))?;
                    Ok(Cow::Owned(self.with(variant)))
                }
            },
        }
    }

    /// Fills the fields that the gateway makes: ids, keys, times.
    fn generate(&self, sent: &mut Document, now: Moment) {
        for (name, rule) in self.fields.list.iter().filter(|(_, rule)| rule.auto) {
            let absent = sent.get(name.as_ref()).is_none_or(Value::is_null);
            let value: Value = match (name.as_ref(), &rule.shape) {
                ("updated_at", shape) => time(shape, now),
                ("created_at", shape) if absent => time(shape, now),
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

/// A moment as a field of this shape holds it.
fn time(shape: &Shape, now: Moment) -> Value {
    if matches!(shape, Shape::Number) { now.exact() } else { now.seconds().into() }
}
