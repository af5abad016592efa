//! Who a request comes from, and how the upstream is told.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

static X_ANONYMOUS_CONSUMER: HeaderName = HeaderName::from_static("x-anonymous-consumer");
static X_CONSUMER_CUSTOM_ID: HeaderName = HeaderName::from_static("x-consumer-custom-id");
static X_CONSUMER_ID: HeaderName = HeaderName::from_static("x-consumer-id");
static X_CONSUMER_USERNAME: HeaderName = HeaderName::from_static("x-consumer-username");
static X_CREDENTIAL_IDENTIFIER: HeaderName = HeaderName::from_static("x-credential-identifier");

/// A consumer, as requests need it.
#[derive(Debug, PartialEq, Eq)]
pub struct ConsumerFacts {
    /// Primary key.
    pub id: Uuid,
    /// Unique name, if it has one.
    pub username: Option<String>,
    /// The operator's own id, if it has one.
    pub custom_id: Option<String>,
    /// The consumer as the Admin API prints it, for log records.
    pub json: Box<str>,
    /// The consumer groups that it is in, by name.
    pub groups: Box<[Uuid]>,
    /// The groups of its `acls`, by which Kong's plugin `acl` lets callers in.
    pub acls: Arc<[String]>,
    /// Id, username and custom id as header values, made once.
    values: [Option<HeaderValue>; 3],
}

/// Who the caller turned out to be.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The consumer, unless only a credential is known.
    pub consumer: Option<Arc<ConsumerFacts>>,
    /// The credential that was presented.
    pub credential: Option<String>,
    /// Groups that the authentication plugin named.
    pub groups: Vec<String>,
    /// The consumer stands in for a caller that did not authenticate.
    pub anonymous: bool,
}

impl ConsumerFacts {
    /// A consumer whose JSON is `json`.
    pub fn new(
        id: Uuid,
        username: Option<String>,
        custom_id: Option<String>,
        json: impl Into<Box<str>>,
    ) -> Self {
        let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
        let values = [
            value(&id.to_string()),
            username.as_deref().and_then(value),
            custom_id.as_deref().and_then(value),
        ];
        let (groups, acls) = (Box::default(), Arc::default());
        Self { id, username, custom_id, json: json.into(), groups, acls, values }
    }

    /// The same as a member of these groups.
    #[must_use]
    pub fn in_groups(self, groups: Vec<Uuid>) -> Self {
        Self { groups: groups.into(), ..self }
    }

    /// The same with these groups of `acls`.
    #[must_use]
    pub fn with_acls(self, acls: impl IntoIterator<Item = String>) -> Self {
        Self { acls: acls.into_iter().collect(), ..self }
    }
}

impl Identity {
    /// The groups that the plugin named, or else those of the consumer's `acls`.
    pub fn groups(&self) -> &[String] {
        let of_consumer = self.consumer.as_ref().map_or(&[][..], |consumer| &consumer.acls);
        if self.groups.is_empty() { of_consumer } else { &self.groups }
    }

    /// Tells the upstream in Kong's headers. What the caller sent under these names is removed: it may
    /// want to pose as somebody.
    pub fn announce(&self, headers: &mut HeaderMap) {
        let [id, username, custom_id] = match &self.consumer {
            Some(consumer) => consumer.values.each_ref().map(Option::as_ref),
            None => [None; 3],
        };
        let credential = self.credential.as_deref().filter(|_| !self.anonymous);
        let credential = credential.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok());
        set_or_remove(headers, &X_CONSUMER_ID, id);
        set_or_remove(headers, &X_CONSUMER_CUSTOM_ID, custom_id);
        set_or_remove(headers, &X_CONSUMER_USERNAME, username);
        set_or_remove(headers, &X_CREDENTIAL_IDENTIFIER, credential.as_ref());
        let anonymous = self.anonymous.then(|| HeaderValue::from_static("true"));
        set_or_remove(headers, &X_ANONYMOUS_CONSUMER, anonymous.as_ref());
    }
}

fn set_or_remove(headers: &mut HeaderMap, name: &HeaderName, value: Option<&HeaderValue>) {
    match value {
        Some(value) => _ = headers.insert(name, value.clone()),
        None => _ = headers.remove(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upstream_is_told_and_nobody_can_pose_as_somebody() {
        let alice = Arc::new(ConsumerFacts::new(Uuid::nil(), Some("alice".into()), None, "{}"));
        let mut headers = HeaderMap::new();
        for name in [&X_CONSUMER_ID, &X_CONSUMER_CUSTOM_ID, &X_ANONYMOUS_CONSUMER, &X_CREDENTIAL_IDENTIFIER] {
            headers.append(name, HeaderValue::from_static("forged"));
            headers.append(name, HeaderValue::from_static("twice"));
        }
        let mut identity = Identity {
            consumer: Some(alice),
            credential: Some("c1".into()),
            groups: Vec::new(),
            anonymous: false,
        };
        let told = |headers: &HeaderMap| {
            let mut lines: Vec<_> =
                headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            lines.sort();
            lines
        };
        let id = format!("x-consumer-id: {}", Uuid::nil());
        identity.announce(&mut headers);
        assert_eq!(
            told(&headers),
            [id.as_str(), "x-consumer-username: alice", "x-credential-identifier: c1"]
        );
        identity.anonymous = true;
        identity.announce(&mut headers);
        assert_eq!(told(&headers), ["x-anonymous-consumer: true", id.as_str(), "x-consumer-username: alice"]);
    }
}
