//! Who plays the rest of the world: consumers, credentials and other hosts, as the file tells them.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use uuid::Uuid;

use super::case::{Case, ConsumerCase, HttpAnswer, HttpFault, Reply, status};
use super::scene;
use crate::exchange::ConsumerFacts;
use crate::plugin_host::{
    Answer, Directory, FoundCredential, Outbound, OutboundError, OutboundRequest, OutboundResponse,
};

/// The consumers and credentials of a file.
pub(super) struct Consumers {
    all: Vec<Arc<ConsumerFacts>>,
    credentials: Vec<(String, String, FoundCredential)>,
    fault: Option<String>,
}

impl Consumers {
    pub(super) fn of(case: &Case) -> Self {
        let all: Vec<_> = case.consumers.iter().map(|consumer| Arc::new(facts(consumer))).collect();
        let credential = |of: &super::case::CredentialCase| {
            let at = case.consumers.iter().position(|consumer| consumer.username == of.consumer)?;
            let consumer = all.get(at)?;
            let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}\0{}", of.kind, of.key).as_bytes());
            let mut data = of.data.clone();
            data.insert("key".to_owned(), of.key.clone().into());
            data.insert("id".to_owned(), id.to_string().into());
            data.insert("consumer".to_owned(), json!({ "id": consumer.id }));
            let found = FoundCredential {
                consumer: Arc::clone(consumer),
                credential: id.to_string().into(),
                data_json: Value::Object(data).to_string().into(),
            };
            Some((of.kind.clone(), of.key.clone(), found))
        };
        let credentials = case.credentials.iter().filter_map(credential).collect();
        Self { all, credentials, fault: case.credentials_error.clone() }
    }

    fn credential(&self, kind: &str, key: &str) -> Option<FoundCredential> {
        let known = self.credentials.iter().find(|known| known.0 == kind && known.1 == key);
        known.map(|known| known.2.clone())
    }

    fn or_fault<T>(&self, found: T) -> Result<T, String> {
        self.fault.clone().map_or(Ok(found), Err)
    }
}

fn facts(consumer: &ConsumerCase) -> ConsumerFacts {
    let ConsumerCase { id, username, custom_id, groups } = consumer;
    let id = id.unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_OID, username.as_bytes()));
    let json = json!({ "id": id, "username": username, "custom_id": custom_id }).to_string();
    ConsumerFacts::new(id, Some(username.clone()), custom_id.clone(), json).with_acls(groups.iter().cloned())
}

impl Directory for Consumers {
    fn cached_credential(&self, kind: &str, key: &str) -> Option<Option<FoundCredential>> {
        self.fault.is_none().then(|| self.credential(kind, key))
    }

    fn find_credential<'a>(
        &'a self,
        kind: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        Box::pin(async move { self.or_fault(self.credential(kind, key)) })
    }

    fn find_consumer<'a>(
        &'a self,
        id_or_username: &'a str,
    ) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        let named = |facts: &&Arc<ConsumerFacts>| {
            facts.username.as_deref() == Some(id_or_username) || facts.id.to_string() == id_or_username
        };
        let found = self.all.iter().find(named).cloned();
        Box::pin(async move { self.or_fault(found) })
    }
}

/// The other hosts of a file, and what they were asked.
pub(super) struct Hosts {
    answers: Vec<(String, String, HttpAnswer)>,
    asked: Mutex<Vec<Value>>,
}

impl Hosts {
    pub(super) fn of(case: &Case) -> Self {
        let answers = case
            .http
            .iter()
            .map(|http| (http.method.clone(), http.url.clone(), http.answer.clone()))
            .collect();
        Self { answers, asked: Mutex::default() }
    }

    /// What was asked since this was asked last.
    pub(super) fn take_asked(&self) -> Vec<Value> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, request: &OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(json!({
            "method": request.method.as_str(),
            "url": request.url,
            "headers": scene::headers(&request.headers),
            "body": scene::text(&request.body),
        }));
        let known = self
            .answers
            .iter()
            .find(|(method, url, _)| *method == request.method.as_str() && *url == request.url);
        match known {
            None => Err(OutboundError::Connect),
            Some((.., HttpAnswer::Error(fault))) => Err(fault.error()),
            Some((.., HttpAnswer::Answer(reply))) => response(reply, request.max_response_bytes),
        }
    }
}

fn response(reply: &Reply, most: usize) -> Result<OutboundResponse, OutboundError> {
    let body = reply.body.bytes();
    if body.len() > most {
        return Err(OutboundError::TooLarge);
    }
    let protocol = |_| OutboundError::Protocol;
    Ok(OutboundResponse {
        status: status(reply.status).map_err(protocol)?.as_u16(),
        headers: reply.headers.map().map_err(protocol)?,
        body,
    })
}

impl HttpFault {
    fn error(self) -> OutboundError {
        match self {
            Self::Dns => OutboundError::Dns,
            Self::Connect => OutboundError::Connect,
            Self::Tls => OutboundError::Tls,
            Self::Timeout => OutboundError::Timeout,
            Self::TooLarge => OutboundError::TooLarge,
            Self::Protocol => OutboundError::Protocol,
        }
    }
}

impl Outbound for Hosts {
    fn send(&self, request: OutboundRequest) -> Answer<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(async move { self.answer(&request) })
    }
}
