//! Lists, a page at a time, in the order of ids.
//!
//! The cursor is the last id seen, so a page costs the same at the end of a million rows as at the
//! beginning, and rows that come and go between two pages shift nothing.

use std::fmt::Write as _;

use uuid::Uuid;

use super::dialect::{Row, Session, Value};
use super::handle::now_unix;
use super::indexed::indexed;
use super::read::document;
use super::sealed::Sealing;
use super::settings::OPERATION_TIMEOUT;
use super::{Store, StoreError};
use crate::model::Document;

/// Which part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// Begin after this id; `None` begins at the first.
    pub after: Option<Uuid>,
    /// At most this many.
    pub size: usize,
    /// Only those whose field of this name refers to this entity.
    pub parent: Option<(String, Uuid)>,
    /// Only those with these tags.
    pub tags: Option<TagFilter>,
    /// And, beside these, at least one of those.
    pub also: Option<Vec<String>>,
}

/// Which tags an entity must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagFilter {
    /// Every one of them: Kong's `tags=a,b`.
    All(Vec<String>),
    /// At least one of them: Kong's `tags=a/b`.
    Any(Vec<String>),
}

/// Part of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// In ascending order of their ids.
    pub documents: Vec<Document>,
    /// Where the next page begins ([`PageQuery::after`]); `None` at the end.
    pub next: Option<Uuid>,
}

/// Which index leads; the others are conditions.
enum Lead<'a> {
    Kind,
    Parent(&'a str, Uuid),
    Tag(&'a str),
}

impl Store {
    /// Reads one page of a kind.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn page(&self, kind: &str, query: &PageQuery) -> Result<Page, StoreError> {
        let operation = async {
            let mut session = self.reader().await?;
            let page = page(&mut session, &self.inner.sealing, kind, query).await?;
            session.finish();
            Ok(page)
        };
        self.within(OPERATION_TIMEOUT, operation).await
    }
}

async fn page(
    session: &mut Session,
    sealing: &Sealing,
    kind: &str,
    query: &PageQuery,
) -> Result<Page, StoreError> {
    let mut rows = rows(session, kind, query).await?;
    let more = rows.len() > query.size;
    rows.truncate(query.size);
    let next = match rows.last() {
        Some(last) if more => Some(last.id(0)?),
        Some(_) | None => None,
    };
    let documents = rows.iter().map(|row| document(sealing, kind, row)).collect::<Result<_, _>>()?;
    Ok(Page { documents, next })
}

/// Up to one row more than asked for, so that the caller knows whether there is a next page.
pub(super) async fn rows(
    session: &mut Session,
    kind: &str,
    query: &PageQuery,
) -> Result<Vec<Row>, StoreError> {
    if matches!(&query.tags, Some(TagFilter::Any(tags)) if tags.is_empty()) {
        return Ok(Vec::new());
    }
    let any_of = match (&query.tags, &query.parent) {
        (Some(TagFilter::Any(tags)), None) => tags,
        (_, Some((field, id))) => return led_by(session, kind, query, &Lead::Parent(field, *id)).await,
        (Some(TagFilter::All(tags)), None) => {
            let lead = rarest(session, kind, tags).await?.map_or(Lead::Kind, Lead::Tag);
            return led_by(session, kind, query, &lead).await;
        }
        (None, None) => return led_by(session, kind, query, &Lead::Kind).await,
    };
    // One bounded walk for each tag; together they hold the first ids of the union.
    let mut found = Vec::new();
    for tag in any_of {
        for row in led_by(session, kind, query, &Lead::Tag(tag)).await? {
            found.push((row.id(0)?, row));
        }
    }
    found.sort_by_key(|(id, _)| *id);
    found.dedup_by_key(|(id, _)| *id);
    found.truncate(query.size.saturating_add(1));
    Ok(found.into_iter().map(|(_, row)| row).collect())
}

/// The tag that the fewest have: a walk of those looks at the fewest that lack another. None if there are no tags.
async fn rarest<'t>(
    session: &mut Session,
    kind: &str,
    tags: &'t [String],
) -> Result<Option<&'t str>, StoreError> {
    let (Some(first), false) = (tags.first(), tags.len() == 1) else {
        return Ok(tags.first().map(String::as_str));
    };
    let mut found = (i64::MAX, first.as_str());
    for tag in tags {
        // Not beyond where it makes no difference.
        let sql = "SELECT count(*) FROM (SELECT 1 FROM entity_tags WHERE kind = $1 AND tag = $2 LIMIT 1000) counted";
        let name = indexed(tag);
        let rows = session.rows(sql.to_owned(), &[Value::Text(kind), Value::Text(&name)]).await?;
        let count = rows.first().map_or(Ok(0), |row| row.integer(0))?;
        if count < found.0 {
            found = (count, tag);
        }
    }
    Ok(Some(found.1))
}

async fn led_by(
    session: &mut Session,
    kind: &str,
    query: &PageQuery,
    lead: &Lead<'_>,
) -> Result<Vec<Row>, StoreError> {
    let tags: Vec<_> = match &query.tags {
        Some(TagFilter::All(tags) | TagFilter::Any(tags)) => tags.iter().map(|tag| indexed(tag)).collect(),
        None => Vec::new(),
    };
    let lead_tag;
    let also: Vec<_> = query.also.iter().flatten().map(|tag| indexed(tag)).collect();
    let mut select = Select::new(kind);
    match lead {
        Lead::Kind => select.sql.push_str("entities e WHERE e.kind = $1"),
        Lead::Parent(field, id) => {
            select.sql.push_str(
                "entity_links d JOIN entities e ON e.kind = d.kind AND e.id = d.id WHERE d.kind = $1",
            );
            select.and("d.field = ", Value::Text(field));
            select.and("d.target_id = ", Value::Id(*id));
        }
        Lead::Tag(tag) => {
            lead_tag = indexed(tag);
            select.sql.push_str(
                "entity_tags d JOIN entities e ON e.kind = d.kind AND e.id = d.id WHERE d.kind = $1",
            );
            select.and("d.tag = ", Value::Text(&lead_tag));
        }
    }
    let id = if matches!(lead, Lead::Kind) { "e.id" } else { "d.id" };
    if let Some(after) = query.after {
        select.and(if id == "e.id" { "e.id > " } else { "d.id > " }, Value::Id(after));
    }
    match (&query.tags, lead) {
        (Some(TagFilter::All(_)), _) => tags.iter().for_each(|tag| select.with_tag_in(&[tag])),
        (Some(TagFilter::Any(_)), Lead::Kind | Lead::Parent(..)) => {
            select.with_tag_in(&tags.iter().map(AsRef::as_ref).collect::<Vec<_>>());
        }
        (Some(TagFilter::Any(_)), Lead::Tag(_)) | (None, _) => {}
    }
    if query.also.is_some() {
        select.with_tag_in(&also.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    }
    select.and("(e.expires_at IS NULL OR e.expires_at > ", Value::Integer(now_unix()));
    let _ = write!(select.sql, ") ORDER BY {id} LIMIT ");
    let limit = i64::try_from(query.size.saturating_add(1)).unwrap_or(i64::MAX);
    select.parameter(Value::Integer(limit));
    session.rows(select.sql, &select.values).await
}

/// A statement in the making. Only constants and parameter numbers get into its text.
struct Select<'a> {
    sql: String,
    values: Vec<Value<'a>>,
}

impl<'a> Select<'a> {
    fn new(kind: &'a str) -> Self {
        Self { sql: "SELECT e.id, e.document FROM ".to_owned(), values: vec![Value::Text(kind)] }
    }

    fn parameter(&mut self, value: Value<'a>) {
        self.values.push(value);
        // Writing to a String cannot fail.
        let _ = write!(self.sql, "${}", self.values.len());
    }

    fn and(&mut self, condition: &'static str, value: Value<'a>) {
        let _ = write!(self.sql, " AND {condition}");
        self.parameter(value);
    }

    fn with_tag_in(&mut self, tags: &[&'a str]) {
        self.sql.push_str(
            " AND EXISTS (SELECT 1 FROM entity_tags t WHERE t.kind = e.kind AND t.id = e.id AND t.tag IN (",
        );
        for (position, tag) in tags.iter().enumerate() {
            if position > 0 {
                self.sql.push(',');
            }
            self.parameter(Value::Text(tag));
        }
        self.sql.push_str("))");
    }
}
