//! Secrets in the tables: sealed in documents, hashed in indexes.
//!
//! The kinds say which of their fields are secrets. Such a field holds a text or a record; sealed, it
//! holds a list with one text instead, which no operator can write there. A key that must be found by
//! its value stands in the indexes as a keyed hash. What was written before there were keys is read as
//! it is, until [`Store::seal`](super::Store::seal) has been there.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;

use super::StoreError;
use super::dialect::Session;
use super::indexed::indexed;
use crate::model::{self, Document, Record};
use crate::sealing::{IndexKey, KEYED, Keyring, OpenError};

/// The operator's keys, and the key of the indexes once it was read.
#[derive(Debug, Default)]
pub(super) struct Sealing {
    pub(super) keys: Option<Arc<Keyring>>,
    pub(super) index: OnceLock<IndexKey>,
}

/// How one write keeps secrets.
#[derive(Debug, Clone)]
pub(super) struct Sealer {
    pub(super) sealing: Arc<Sealing>,
    /// Whether they are sealed: the database says so.
    pub(super) on: bool,
}

impl Sealing {
    /// The key of the indexes; `None` if nothing can be sealed.
    pub(super) async fn index(&self, session: &mut Session) -> Result<Option<&IndexKey>, StoreError> {
        let Some(keys) = &self.keys else { return Ok(None) };
        if let Some(found) = self.index.get() {
            return Ok(Some(found));
        }
        let Some(row) = session.row("SELECT index_key FROM sealing", &[]).await? else {
            return Ok(None);
        };
        let found = IndexKey::open(&row.text(0)?, keys).map_err(|error| locked(&error))?;
        Ok(Some(self.index.get_or_init(|| found)))
    }

    /// The forms in which the indexes may hold `value`.
    pub(super) async fn forms(
        &self,
        session: &mut Session,
        (kind, field): (&str, &str),
        value: &str,
    ) -> Result<(String, Option<String>), StoreError> {
        let plain = indexed(value).into_owned();
        if self.keys.is_none() || !is_secret(kind, field) {
            return Ok((plain, None));
        }
        let keyed = self.index(session).await?.map(|index| index.text(kind, field, &plain));
        Ok((plain, keyed))
    }

    /// The form of an index text that does not change when what was plain is sealed. `text` is in one
    /// of the forms of the indexes.
    pub(super) fn lasting<'a>(&self, kind: &str, field: &str, text: Cow<'a, str>) -> Cow<'a, str> {
        match self.index.get() {
            Some(index) if !text.starts_with(KEYED) && is_secret(kind, field) => {
                Cow::Owned(index.text(kind, field, &text))
            }
            Some(_) | None => text,
        }
    }

    /// Opens the secrets of a document.
    pub(super) fn open(&self, kind: &str, id: &str, document: &mut Document) -> Result<(), OpenError> {
        for path in secrets(kind) {
            let Some(value) = place(document, path) else { continue };
            if let Some(sealed) = sealed_text(value) {
                let keys = self.keys.as_ref();
                let unknown = || OpenError::UnknownKey(Keyring::key_of(sealed).unwrap_or("?").to_owned());
                let plain = keys.ok_or_else(unknown)?.open(sealed, &[kind, id, path])?;
                *value = serde_json::from_slice(&plain).map_err(|_| OpenError::Form)?;
            }
        }
        Ok(())
    }
}

impl Sealer {
    /// The document as it is written.
    pub(super) fn close<'a>(&self, record: &'a Record) -> Result<Cow<'a, Document>, StoreError> {
        let secrets = secrets(record.kind);
        if !self.on || secrets.is_empty() {
            return Ok(Cow::Borrowed(&record.document));
        }
        let mut document = record.document.clone();
        let id = record.id.to_string();
        for path in secrets {
            let Some(value) = place(&mut document, path).filter(|value| !value.is_null()) else { continue };
            let keys = self.sealing.keys.as_ref();
            let sealed =
                keys.and_then(|keys| keys.seal(value.to_string().as_bytes(), &[record.kind, &id, path]));
            let sealed = sealed.ok_or_else(|| StoreError::Sealed("a secret cannot be sealed".to_owned()))?;
            *value = Json::Array(vec![Json::String(sealed)]);
        }
        Ok(Cow::Owned(document))
    }

    /// The form in which a unique value is written to the indexes.
    pub(super) fn key_text(&self, kind: &str, field: &str, value: &str) -> String {
        let text = indexed(value);
        if self.on { self.sealing.lasting(kind, field, text) } else { text }.into_owned()
    }
}

/// The dotted fields of a kind that are secrets.
pub(super) fn secrets(kind: &str) -> &'static [String] {
    model::kind(kind).map_or(&[], |kind| kind.secrets())
}

fn is_secret(kind: &str, field: &str) -> bool {
    secrets(kind).iter().any(|secret| secret == field)
}

/// What stands at a dotted path.
pub(super) fn place<'d>(document: &'d mut Document, path: &str) -> Option<&'d mut Json> {
    let mut parts = path.split('.');
    let mut value = document.get_mut(parts.next()?)?;
    for part in parts {
        value = value.get_mut(part)?;
    }
    Some(value)
}

/// The text, if the value is sealed.
pub(super) fn sealed_text(value: &Json) -> Option<&str> {
    match value.as_array()?.as_slice() {
        [Json::String(text)] => Some(text),
        _ => None,
    }
}

/// The database was sealed with other keys.
pub(super) fn locked(error: &OpenError) -> StoreError {
    StoreError::Sealed(format!("the secrets in the database cannot be opened: {error}; see encryption_keys"))
}
