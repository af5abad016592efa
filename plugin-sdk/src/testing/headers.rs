//! Headers of a pretend message, and what edits make of them.

use super::Host;
use crate::{Header, HeaderOp, Identity};

/// Headers in order, names in lower case.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Adds one more value of `name`.
    pub fn add(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.push((name.to_ascii_lowercase(), value.into()));
    }

    /// The first value of `name`, if it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every value of `name` that is text.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(known, _)| known == name);
        named.filter_map(|(_, value)| std::str::from_utf8(value).ok()).collect()
    }

    /// Applies edits as the gateway does.
    pub fn apply(&mut self, edits: &[HeaderOp]) {
        for edit in edits {
            match edit {
                HeaderOp::Set(header) => {
                    self.0.retain(|(name, _)| *name != header.name);
                    self.0.push((header.name.clone(), header.value.clone()));
                }
                HeaderOp::Append(header) => self.0.push((header.name.clone(), header.value.clone())),
                HeaderOp::Remove(gone) => self.0.retain(|(name, _)| name != gone),
                HeaderOp::RemovePrefix(prefix) => self.0.retain(|(name, _)| !name.starts_with(prefix)),
            }
        }
    }

    /// Tells the upstream who the caller is, as the gateway does.
    pub(super) fn announce(&mut self, identity: &Identity) {
        let named = identity.consumer.as_deref();
        let consumer = named.and_then(|id| Host::with(|host| host.find_consumer(id)).ok().flatten());
        let (username, custom_id) =
            consumer.map_or((None, None), |consumer| (consumer.username, consumer.custom_id));
        for (name, value) in [
            ("x-consumer-id", identity.consumer.clone()),
            ("x-consumer-username", username),
            ("x-consumer-custom-id", custom_id),
            ("x-credential-identifier", identity.credential.clone().filter(|_| !identity.anonymous)),
            ("x-anonymous-consumer", identity.anonymous.then(|| "true".to_owned())),
        ] {
            self.apply(&[HeaderOp::Remove(name.into())]);
            if let Some(value) = value {
                self.add(name, value);
            }
        }
    }

    pub(super) fn entries(&self) -> Vec<Header> {
        self.0.iter().map(|(name, value)| Header { name: name.clone(), value: value.clone() }).collect()
    }

    pub(super) fn named(&self, name: &str) -> Vec<Header> {
        self.entries().into_iter().filter(|header| header.name == name).collect()
    }
}
