//! Under which terms a write is made: how far it may reach, and who is written down for it.
//!
//! Both are settled inside the transaction, where no other write can come between.

use uuid::Uuid;

use super::audit::Attribution;
use super::dialect::Value;
use super::indexed::indexed;
use super::relations::Relations;
use super::write::Writing;
use super::{Revision, Store, StoreError};
use crate::model::Record;

const UNTAGGED: &str = "it has none of the tags";

/// Terms of a write; by default it may reach everything and nobody is written down.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// How far it may reach.
    pub within: Option<Within>,
    /// Who is written down for it.
    pub attribution: Option<Attribution>,
}

/// A part of all entities: those with one of these tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// Any of them will do.
    pub tags: Vec<String>,
    /// Kinds that everybody may refer to.
    pub shared: &'static [&'static str],
    /// Kinds without tags: an entity of them is inside if all that it refers to is.
    pub by_links: &'static [&'static str],
}

impl Store {
    /// As [`write`](Self::write), under terms.
    ///
    /// # Errors
    ///
    /// - [`StoreError::OutOfReach`] if something would change that is not inside [`Terms::within`], be it
    ///   because it goes when something else goes.
    /// - [`StoreError::MissingReference`] also if a link leads out of there.
    /// - [`StoreError::Unrecorded`] if the record of the write cannot be written.
    /// - As [`write`](Self::write).
    pub async fn write_under(
        &self,
        changes: Vec<super::Change>,
        terms: Terms,
    ) -> Result<Revision, StoreError> {
        if changes.is_empty() {
            return self.revision().await;
        }
        self.apply_all(changes, terms).await
    }
}

impl Writing {
    /// An entity that is to be written: as it is stored, as it will be, and all that it refers to.
    pub(super) async fn reach(&mut self, record: &Record, exists: bool) -> Result<(), StoreError> {
        let Some(within) = self.terms.within.clone() else { return Ok(()) };
        if exists {
            self.reach_stored(&within, record.kind, record.id).await?;
        }
        let is_tagged = record.tags.iter().any(|tag| within.tags.contains(tag));
        if !is_tagged && !within.by_links.contains(&record.kind) {
            return Err(StoreError::OutOfReach {
                kind: record.kind.to_owned(),
                id: record.id,
                why: UNTAGGED,
            });
        }
        for link in &record.links {
            let is_shared = within.shared.contains(&link.target);
            let is_self = link.target == record.kind && link.id == record.id;
            if !is_shared && !is_self && !self.is_tagged(&within, link.target, link.id).await? {
                let (field, target, id) = (link.field.to_owned(), link.target.to_owned(), link.id);
                return Err(StoreError::MissingReference { field, target, id });
            }
        }
        Ok(())
    }

    /// Entities that are to be deleted.
    pub(super) async fn reach_all(&mut self, going: &[(String, Uuid)]) -> Result<(), StoreError> {
        let Some(within) = self.terms.within.clone() else { return Ok(()) };
        for (kind, id) in going {
            self.reach_stored(&within, kind, *id).await?;
        }
        Ok(())
    }

    async fn reach_stored(&mut self, within: &Within, kind: &str, id: Uuid) -> Result<(), StoreError> {
        let inside = if within.by_links.contains(&kind) {
            let relations: Relations = super::relations::read(&mut self.session, kind, id).await?;
            let targets: Vec<(String, Uuid)> =
                relations.targets().map(|(kind, id)| (kind.to_owned(), id)).collect();
            let mut inside = true;
            for (kind, id) in targets {
                inside &= self.is_tagged(within, &kind, id).await?;
            }
            inside
        } else {
            self.is_tagged(within, kind, id).await?
        };
        if inside { Ok(()) } else { Err(StoreError::OutOfReach { kind: kind.to_owned(), id, why: UNTAGGED }) }
    }

    async fn is_tagged(&mut self, within: &Within, kind: &str, id: Uuid) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM entity_tags WHERE tag = $1 AND kind = $2 AND id = $3";
        for tag in &within.tags {
            let values = [Value::Text(&indexed(tag)), Value::Text(kind), Value::Id(id)];
            if self.session.row(sql, &values).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
