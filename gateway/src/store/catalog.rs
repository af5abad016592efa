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

/// Takes one entity after the other, with the name of its kind. It must not wait.
pub type Visit<'v> = &'v mut (dyn FnMut(&str, Document) + Send);

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
        let mut documents: BTreeMap<String, Vec<Document>> =
            kinds.iter().map(|kind| ((*kind).to_owned(), Vec::new())).collect();
        let mut keep = |kind: &str, document| {
            if let Some(of_kind) = documents.get_mut(kind) {
                of_kind.push(document);
            }
        };
        let (revision, bad_rows) = self.visit_catalog(kinds, &mut keep).await?;
        Ok(CatalogRows { revision, documents, bad_rows })
    }

    /// Hands all entities of the kinds to `visit`, in the order of kinds and ids and all of one moment, and
    /// keeps none of them. Gives the revision of that moment, and what cannot be read.
    ///
    /// # Errors
    ///
    /// As [`read_catalog`](Self::read_catalog).
    pub async fn visit_catalog(
        &self,
        kinds: &[&str],
        visit: Visit<'_>,
    ) -> Result<(Revision, Vec<BadRow>), StoreError> {
        let operation = async {
            let mut session = self.snapshot().await?;
            let (revision, mut bad_rows) = (current(&mut session).await?, Vec::new());
            for kind in kinds {
                read_kind(&mut session, &self.inner.sealing, kind, (&mut *visit, &mut bad_rows)).await?;
            }
            session.commit().await?;
            Ok((revision, bad_rows))
        };
        self.within(LONG_OPERATION_TIMEOUT, operation).await
    }
}

async fn read_kind(
    session: &mut Session,
    sealing: &Sealing,
    kind: &str,
    (visit, bad): (Visit<'_>, &mut Vec<BadRow>),
) -> Result<(), StoreError> {
    let mut query = PageQuery { size: BATCH, ..PageQuery::default() };
    loop {
        let batch = page::rows(session, kind, &query).await?;
        for row in batch.iter().take(BATCH) {
            query.after = Some(row.id(0)?);
            match document(sealing, kind, row) {
                Ok(document) => visit(kind, document),
                Err(StoreError::BadRow { kind, id, reason }) => bad.push(BadRow { kind, id, reason }),
                Err(error) => return Err(error),
            }
        }
        if batch.len() <= BATCH {
            return Ok(());
        }
    }
}

/// The last committed write, as this session sees it.
pub(super) async fn current(session: &mut Session) -> Result<Revision, StoreError> {
    let row = session.row("SELECT current FROM revision", &[]).await?;
    row.ok_or(StoreError::NotMigrated)?.integer(0)
}
