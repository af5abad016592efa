//! What was known before a restart, for the time when the store cannot be asked.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::entry::{Entry, Found, Name};
use super::load::{by_name, credential, expires_at, facts, group, id, name, reference};
use super::{Identity, kinds};
use crate::exchange::ConsumerFacts;
use crate::model::Document;
use crate::store::SavedIdentities;

impl Identity {
    /// Takes over what was saved on disk. Gives the number of credentials.
    ///
    /// None of it is believed while the store can be asked: a credential may have been deleted while
    /// this node was down.
    pub async fn seed(&self, saved: &SavedIdentities) -> usize {
        let of_kind = |kind: &str| saved.documents.get(kind).map_or(&[][..], Vec::as_slice);
        let mut memberships = memberships(of_kind(kinds::GROUPS), of_kind(kinds::MEMBERS));
        let mut acls = acls(of_kind(kinds::ACLS));
        let mut consumer = |id: Uuid, document: &Document| {
            let groups = memberships.remove(&id).unwrap_or_default();
            let acls = acls.remove(&id).unwrap_or_default();
            Arc::new(facts(id, document).in_groups(by_name(groups)).with_acls(acls))
        };
        let consumers: HashMap<Uuid, Arc<ConsumerFacts>> = of_kind(kinds::CONSUMERS)
            .iter()
            .filter_map(|document| id(document).map(|id| (id, consumer(id, document))))
            .collect();
        for (id, consumer) in &consumers {
            let names = [Some(id.to_string()), consumer.username.clone()];
            for key in names.into_iter().flatten() {
                self.hear(kinds::CONSUMERS, &key, Found::Consumer(Arc::clone(consumer)), None).await;
            }
        }
        let mut known = 0;
        let others = [kinds::CONSUMERS, kinds::ACLS, kinds::GROUPS, kinds::MEMBERS];
        let credentials = saved.documents.iter().filter(|(kind, _)| !others.contains(&kind.as_str()));
        // Collected first: a chain of closures that lives across an await is not `Send`.
        let credentials: Vec<(&String, &Document)> = credentials
            .flat_map(|(kind, documents)| documents.iter().map(move |document| (kind, document)))
            .collect();
        for (kind, document) in credentials {
            let owned = owner_and_key(kind, document);
            let owned = owned.and_then(|(owner, key)| Some((key, consumers.get(&owner)?)));
            let Some((key, consumer)) = owned else { continue };
            let found = Found::Credential(Arc::new(credential(document, Arc::clone(consumer))));
            self.hear(kind, key, found, expires_at(document)).await;
            known += 1;
        }
        known
    }

    async fn hear(&self, kind: &str, key: &str, found: Found, expires_at: Option<i64>) {
        let key = self.inner.key_text(kind, key);
        let name = Name::new(&self.inner.hasher, kind, &key);
        let entry: Entry = self.inner.entry(&name, found, self.inner.generations.hearsay(), expires_at);
        // What the store said itself is better.
        self.inner.known.entry(name.text()).or_insert(Arc::new(entry)).await;
    }
}

/// The groups of each consumer, with their names.
fn memberships(groups: &[Document], members: &[Document]) -> HashMap<Uuid, Vec<(String, Uuid)>> {
    let names: HashMap<Uuid, String> =
        groups.iter().filter_map(|group| Some((id(group)?, name(group)))).collect();
    let mut found: HashMap<Uuid, Vec<(String, Uuid)>> = HashMap::new();
    for member in members {
        let ends = reference(member, "consumer").zip(reference(member, "consumer_group"));
        let Some((consumer, group)) = ends else { continue };
        if let Some(name) = names.get(&group) {
            found.entry(consumer).or_default().push((name.clone(), group));
        }
    }
    found
}

/// The groups of the `acls` of each consumer.
fn acls(documents: &[Document]) -> HashMap<Uuid, Vec<String>> {
    let mut found: HashMap<Uuid, Vec<String>> = HashMap::new();
    for document in documents {
        if let (Some(owner), Some(group)) = (reference(document, "consumer"), group(document)) {
            found.entry(owner).or_default().push(group);
        }
    }
    found
}

fn owner_and_key<'a>(kind: &str, document: &'a Document) -> Option<(Uuid, &'a str)> {
    let key = document.get(kinds::key_field(kind)).and_then(Value::as_str)?;
    Some((reference(document, "consumer")?, key))
}
