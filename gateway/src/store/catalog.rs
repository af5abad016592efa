//! Everything that a snapshot is built from, read at one moment.

use std::collections::BTreeMap;

use super::dialect::Session;
use super::page::{self, PageQuery};
use super::read::document;
use super::sealed::Sealing;
use super::settings::LONG_OPERATION_TIMEOUT;
use super::{Revision, Store, StoreError};
use crate::model::Document;

/// Rows a query; bounds what is held twice while rows become documents.
const BATCH: usize = 2_000;

/// The entities of some kinds at one revision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogRows {
    /// The last write that is in here.
    pub revision: Revision,
    /// By kind, in the order of ids. Every kind asked for is there, even if it has none.
    pub documents: BTreeMap<String, Vec<Document>>,
    /// Rows that cannot be read; the others are no worse for it.
    pub bad_rows: Vec<BadRow>,
}

/// A row that is not a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its kind.
    pub kind: String,
    /// Its primary key as text.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Store {
    /// Reads all entities of the kinds in one transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`]; a bad row is no error but listed.
    pub async fn read_catalog(&self, kinds: &[&str]) -> Result<CatalogRows, StoreError> {
        let operation = async {
            let mut session = self.snapshot().await?;
            let rows = read(&mut session, &self.inner.sealing, kinds).await?;
            session.commit().await?;
            Ok(rows)
        };
        self.within(LONG_OPERATION_TIMEOUT, operation).await
    }
}

async fn read(session: &mut Session, sealing: &Sealing, kinds: &[&str]) -> Result<CatalogRows, StoreError> {
    let mut rows = CatalogRows { revision: current(session).await?, ..CatalogRows::default() };
    for kind in kinds {
        let documents = read_kind(session, sealing, kind, &mut rows.bad_rows).await?;
        rows.documents.insert((*kind).to_owned(), documents);
    }
    Ok(rows)
}

async fn read_kind(
    session: &mut Session,
    sealing: &Sealing,
    kind: &str,
    bad: &mut Vec<BadRow>,
) -> Result<Vec<Document>, StoreError> {
    let mut documents = Vec::new();
    let mut query = PageQuery { size: BATCH, ..PageQuery::default() };
    loop {
        let batch = page::rows(session, kind, &query).await?;
        for row in batch.iter().take(BATCH) {
            query.after = Some(row.id(0)?);
            match document(sealing, kind, row) {
                Ok(document) => documents.push(document),
                Err(StoreError::BadRow { kind, id, reason }) => bad.push(BadRow { kind, id, reason }),
                Err(error) => return Err(error),
            }
        }
        if batch.len() <= BATCH {
            return Ok(documents);
        }
    }
}

/// The last committed write, as this session sees it.
pub(super) async fn current(session: &mut Session) -> Result<Revision, StoreError> {
    let row = session.row("SELECT current FROM revision", &[]).await?;
    row.ok_or(StoreError::NotMigrated)?.integer(0)
}
