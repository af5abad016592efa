//! What operators said, typed, one entity after the other replaceable.
//!
//! Unchanged entities keep their `Arc` from one revision to the next: comparing pointers is how the
//! build sees what it can take over.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::Fault;
use crate::model::{
    CaCertificate, Certificate, CustomPlugin, Document, Plugin, Route, Service, Sni, Target, Upstream, id_of,
};
use crate::vault::VaultEntity;

/// An entity and the document that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity<T> {
    /// Typed.
    pub value: T,
    /// As the store has it: JSON in one line. A document in pieces takes five times as much.
    pub text: Arc<str>,
}

impl<T> Entity<T> {
    /// The document in pieces.
    pub fn document(&self) -> Document {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// Entities of one kind by id.
type Entities<T> = BTreeMap<Uuid, Arc<Entity<T>>>;

/// All that a snapshot is made from. A clone is shallow.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the kinds say what they are")]
pub struct Configuration {
    pub services: Entities<Service>,
    pub routes: Entities<Route>,
    pub plugins: Entities<Plugin>,
    pub custom_plugins: Entities<CustomPlugin>,
    pub certificates: Entities<Certificate>,
    pub ca_certificates: Entities<CaCertificate>,
    pub upstreams: Entities<Upstream>,
    pub targets: Entities<Target>,
    pub snis: Entities<Sni>,
    pub vaults: Entities<VaultEntity>,
    /// Rows that cannot be read, by kind and id.
    unreadable: BTreeMap<(String, String), String>,
}

impl Configuration {
    /// The kinds that it is made of.
    pub const KINDS: [&'static str; 10] = [
        "services",
        "routes",
        "plugins",
        "custom_plugins",
        "certificates",
        "snis",
        "ca_certificates",
        "upstreams",
        "targets",
        "vaults",
    ];

    /// Reads whole kinds; entities whose document is the same as in `previous` are taken from there.
    pub fn from_documents(documents: &BTreeMap<String, Vec<Document>>, previous: &Self) -> Self {
        let mut next = Self::default();
        for (kind, documents) in documents {
            for document in documents {
                next.set(kind, document, previous);
            }
        }
        next
    }

    /// Puts one document in, in place of the entity with its id. Other kinds are ignored.
    pub fn set(&mut self, kind: &str, document: &Document, previous: &Self) {
        let read = match kind {
            "services" => put(&mut self.services, document, &previous.services),
            "routes" => put(&mut self.routes, document, &previous.routes),
            "plugins" => put(&mut self.plugins, document, &previous.plugins),
            "custom_plugins" => put(&mut self.custom_plugins, document, &previous.custom_plugins),
            "certificates" => put(&mut self.certificates, document, &previous.certificates),
            "ca_certificates" => put(&mut self.ca_certificates, document, &previous.ca_certificates),
            "upstreams" => put(&mut self.upstreams, document, &previous.upstreams),
            "targets" => put(&mut self.targets, document, &previous.targets),
            "snis" => put(&mut self.snis, document, &previous.snis),
            "vaults" => put(&mut self.vaults, document, &previous.vaults),
            _ => Ok(()),
        };
        let id = document.get("id").and_then(Value::as_str).unwrap_or("?");
        let key = (kind.to_owned(), id.to_owned());
        match read {
            Ok(()) => drop(self.unreadable.remove(&key)),
            Err(message) => drop(self.unreadable.insert(key, message)),
        }
    }

    /// Takes one entity out.
    pub fn remove(&mut self, kind: &str, id: Uuid) {
        match kind {
            "services" => drop(self.services.remove(&id)),
            "routes" => drop(self.routes.remove(&id)),
            "plugins" => drop(self.plugins.remove(&id)),
            "custom_plugins" => drop(self.custom_plugins.remove(&id)),
            "certificates" => drop(self.certificates.remove(&id)),
            "ca_certificates" => drop(self.ca_certificates.remove(&id)),
            "upstreams" => drop(self.upstreams.remove(&id)),
            "targets" => drop(self.targets.remove(&id)),
            "snis" => drop(self.snis.remove(&id)),
            "vaults" => drop(self.vaults.remove(&id)),
            _ => {}
        }
        self.unreadable.remove(&(kind.to_owned(), id.to_string()));
    }

    /// The documents again, by kind, as they are saved for a start without the database.
    pub fn texts(&self) -> BTreeMap<String, Vec<Arc<str>>> {
        BTreeMap::from([
            ("services".to_owned(), texts(&self.services)),
            ("routes".to_owned(), texts(&self.routes)),
            ("plugins".to_owned(), texts(&self.plugins)),
            ("custom_plugins".to_owned(), texts(&self.custom_plugins)),
            ("certificates".to_owned(), texts(&self.certificates)),
            ("ca_certificates".to_owned(), texts(&self.ca_certificates)),
            ("upstreams".to_owned(), texts(&self.upstreams)),
            ("targets".to_owned(), texts(&self.targets)),
            ("snis".to_owned(), texts(&self.snis)),
            ("vaults".to_owned(), texts(&self.vaults)),
        ])
    }

    /// The upload of this plugin name.
    pub fn custom_plugin(&self, name: &str) -> Option<&Arc<Entity<CustomPlugin>>> {
        self.custom_plugins.values().find(|upload| upload.value.name == name)
    }

    /// Rows that cannot be read and are left out.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.unreadable.iter().map(|((kind, id), message)| Fault {
            kind: kind.clone(),
            id: id.clone(),
            message: format!("left out, since it cannot be read: {message}"),
        })
    }
}

fn put<T: DeserializeOwned>(
    all: &mut Entities<T>,
    document: &Document,
    previous: &Entities<T>,
) -> Result<(), String> {
    let id = id_of(document).ok_or("it has no id")?;
    let text = serde_json::to_string(document).map_err(|error| error.to_string())?;
    if let Some(known) = previous.get(&id).filter(|known| *known.text == *text) {
        all.insert(id, Arc::clone(known));
        return Ok(());
    }
    // What was there under this id is not what the operator said last.
    all.remove(&id);
    let value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    all.insert(id, Arc::new(Entity { value, text: text.into() }));
    Ok(())
}

fn texts<T>(entities: &Entities<T>) -> Vec<Arc<str>> {
    entities.values().map(|entity| Arc::clone(&entity.text)).collect()
}
