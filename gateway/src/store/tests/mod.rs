//! What the store promises, tried on both databases with the same words.

mod deletes;
mod entities;
mod feed;
mod outage;
mod pages;
mod scale;
mod sealed;

use gateway_tests::Postgres;
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Store, StoreSettings};
use crate::model::{Link, OnDelete, Record, UniqueKey};

/// A migrated store with nothing in it, and what keeps its database alive.
pub(super) struct Fresh {
    pub(super) store: Store,
    pub(super) settings: StoreSettings,
    _folder: Option<tempfile::TempDir>,
}

impl Fresh {
    pub(super) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings::Sqlite { path: folder.path().join("weir.db") };
        Self::of(settings, Some(folder)).await
    }

    pub(super) async fn memory() -> Self {
        Self::of(StoreSettings::Memory, None).await
    }

    pub(super) async fn postgres() -> Self {
        let url = Postgres::shared().unwrap().database().unwrap();
        Self::of(StoreSettings::Url(SecretString::from(url)), None).await
    }

    async fn of(settings: StoreSettings, folder: Option<tempfile::TempDir>) -> Self {
        let store = Store::connect(&settings).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, settings, _folder: folder }
    }

    /// Another gateway on the same database; in memory there is none.
    pub(super) async fn second(&self) -> Store {
        Store::connect(&self.settings).await.unwrap()
    }
}

/// Each test once for each database.
macro_rules! on_each_database {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::store::tests::Fresh::sqlite().await).await; })+
        }
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(crate::store::tests::Fresh::memory().await).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(crate::store::tests::Fresh::postgres().await).await; })+
        }
    };
}
use on_each_database;

/// An id whose order among others is the number's.
pub(super) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number << 64 | number)
}

/// A record with fields as JSON and nothing to find it by.
pub(super) fn record(kind: &'static str, number: u128, fields: &Value) -> Record {
    let mut document = json!({ "id": id(number).to_string() }).as_object().cloned().unwrap();
    document.extend(fields.as_object().cloned().unwrap_or_default());
    Record {
        kind,
        id: id(number),
        document,
        keys: Vec::new(),
        links: Vec::new(),
        tags: Vec::new(),
        expires_at: None,
    }
}

pub(super) fn service(number: u128, name: &str) -> Record {
    record("services", number, &json!({ "name": name })).with_key("name", name)
}

pub(super) fn route(number: u128, service: u128) -> Record {
    record("routes", number, &json!({})).with_link("service", "services", service, OnDelete::Restrict)
}

pub(super) fn consumer(number: u128, username: &str) -> Record {
    record("consumers", number, &json!({ "username": username })).with_key("username", username)
}

pub(super) fn credential(number: u128, consumer: u128, key: &str) -> Record {
    record(
        "keyauth_credentials",
        number,
        &json!({ "key": key, "consumer": { "id": id(consumer).to_string() } }),
    )
    .with_key("key", key)
    .with_link("consumer", "consumers", consumer, OnDelete::Cascade)
}

pub(super) trait With {
    fn with_key(self, field: &'static str, value: &str) -> Self;
    fn with_link(self, field: &'static str, target: &'static str, number: u128, on_delete: OnDelete) -> Self;
    fn with_tags(self, tags: &[&str]) -> Self;
    fn expiring(self, at: i64) -> Self;
}

impl With for Record {
    fn with_key(mut self, field: &'static str, value: &str) -> Self {
        self.keys.push(UniqueKey { field, value: value.to_owned() });
        self
    }

    fn with_link(
        mut self,
        field: &'static str,
        target: &'static str,
        number: u128,
        on_delete: OnDelete,
    ) -> Self {
        self.links.push(Link { field, target, id: id(number), on_delete });
        self
    }

    fn with_tags(mut self, tags: &[&str]) -> Self {
        self.tags = tags.iter().map(ToString::to_string).collect();
        self
    }

    fn expiring(mut self, at: i64) -> Self {
        self.expires_at = Some(at);
        self
    }
}
