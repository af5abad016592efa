//! What is written down of one call: who, from where, what was asked, and how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use uuid::Uuid;

use super::access::{Caller, Peer};
use super::paths::{Endpoint, resolve};
use super::redactor::Redactor;
use crate::config::AuditMode;
use crate::model::{Document, Kind, REDACTED, is_uuid};
use crate::store::Attribution;

/// Longest path that is written down, in bytes.
const LONGEST_PATH: usize = 1_024;
/// What a path may not have raw.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// What is written down of one call.
pub(super) struct Trace {
    entry: Document,
    mode: AuditMode,
    /// Status that the method has when it does what it says.
    success: StatusCode,
    is_recorded: AtomicBool,
}

impl Trace {
    /// A call that begins at `at_ms`.
    pub(super) fn begin(
        request_id: Uuid,
        at_ms: u64,
        mode: AuditMode,
        (method, path): (&Method, &str),
        peer: &Peer,
    ) -> Self {
        let mut entry = Document::new();
        let mut put = |name: &str, value: serde_json::Value| _ = entry.insert(name.to_owned(), value);
        put("request_id", request_id.simple().to_string().into());
        put("at_ms", at_ms.into());
        put("request_timestamp", (at_ms / 1000).into());
        put("actor", "anonymous".into());
        put("client_ip", peer.address.map(|address| address.to_string()).into());
        put("method", method.as_str().into());
        put("path", shown_path(path).into());
        let success = match *method {
            Method::POST => StatusCode::CREATED,
            Method::DELETE => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        };
        Self { entry, mode, success, is_recorded: AtomicBool::new(false) }
    }

    /// Adds who calls.
    pub(super) fn of(mut self, caller: &Caller) -> Self {
        self.entry.insert("actor".to_owned(), caller.actor.as_str().into());
        self.entry.insert("role".to_owned(), caller.role.name().into());
        self
    }

    /// What is written down in the transaction of a change.
    pub(super) fn of_change(&self, redactor: &Arc<Redactor>) -> Attribution {
        let redactor = Arc::clone(redactor);
        Attribution {
            entry: self.ended(self.success),
            redact: Arc::new(move |kind, entity| redactor.redact(kind, entity)),
            is_required: self.mode == AuditMode::On,
        }
    }

    /// What is written down of a call that changed nothing. `unrecorded` others before were not.
    pub(super) fn of_refusal(&self, status: StatusCode, unrecorded: u64) -> Attribution {
        let mut entry = self.ended(status);
        if unrecorded > 0 {
            entry.insert("unrecorded_before".to_owned(), unrecorded.into());
        }
        entry.insert("objects".to_owned(), serde_json::Value::Array(Vec::new()));
        Attribution { entry, redact: Arc::new(|_, _| Document::new()), is_required: true }
    }

    pub(super) fn is_on(&self) -> bool {
        self.mode != AuditMode::Off
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.is_recorded.load(Ordering::Relaxed)
    }

    pub(super) fn note_recorded(&self) {
        self.is_recorded.store(true, Ordering::Relaxed);
    }

    fn ended(&self, status: StatusCode) -> Document {
        let mut entry = self.entry.clone();
        entry.insert("status".to_owned(), status.as_u16().into());
        entry
    }
}

/// The path without keys that are secrets, and of bounded length.
fn shown_path(path: &str) -> String {
    let mut shown = utf8_percent_encode(path, UNSAFE).to_string();
    if let Some((endpoint, parameters)) = resolve(path)
        && let Some(kind) = last_kind(&endpoint)
        && kind.has_secret_key()
        && parameters.last().is_some_and(|last| !is_uuid(last))
    {
        shown = without_key(&shown, &endpoint);
    }
    let end = (0..=LONGEST_PATH.min(shown.len())).rev().find(|end| shown.is_char_boundary(*end));
    shown.truncate(end.unwrap_or_default());
    shown
}

/// The kind that the last parameter of a path names.
fn last_kind(endpoint: &Endpoint) -> Option<&'static Kind> {
    if let Endpoint::Entity(kind) | Endpoint::Child { kind, .. } = endpoint {
        return Some(kind);
    }
    if let Endpoint::Parent { child, .. } = endpoint {
        return Some(child);
    }
    if let Endpoint::Children { parent, .. } = endpoint {
        return Some(parent);
    }
    None
}

/// The path with its last parameter replaced; behind that of a parent or its children comes one name more.
fn without_key(path: &str, endpoint: &Endpoint) -> String {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (front, last) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(endpoint, Endpoint::Entity(_) | Endpoint::Child { .. }) {
        return format!("{front}/{REDACTED}");
    }
    let front = front.rsplit_once('/').map_or("", |(front, _)| front);
    format!("{front}/{REDACTED}/{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_without_secrets() {
        let id = "11111111-1111-4111-8111-111111111111";
        for (path, want) in [
            ("/services/a", "/services/a"),
            ("/key-auths/s3cret", "/key-auths/[redacted]"),
            ("/consumers/c/key-auth/s3cret/", "/consumers/c/key-auth/[redacted]"),
            ("/key-auths/s3cret/consumer", "/key-auths/[redacted]/consumer"),
            ("/oauth2_tokens/s3cret", "/oauth2_tokens/[redacted]"),
            ("/nowhere/\u{7f}", "/nowhere/%7F"),
        ] {
            assert_eq!(shown_path(path), want, "{path}");
        }
        let by_id = format!("/key-auths/{id}");
        assert_eq!(shown_path(&by_id), by_id);
        assert_eq!(shown_path(&format!("/{}", "x".repeat(5_000))).len(), LONGEST_PATH);
    }
}
