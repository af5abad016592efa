//! An answer that the gateway gives by itself, in place of the upstream.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// A response made here: by a plugin, or for an error.
#[derive(Debug, Clone)]
pub struct LocalAnswer {
    /// 200 to 599.
    pub status: StatusCode,
    /// Without framing headers: the proxy adds those.
    pub headers: HeaderMap,
    /// What to say.
    pub body: AnswerBody,
    /// Short machine-readable reason, for logs and metrics only.
    pub reason: String,
}

/// The body of a local answer.
#[derive(Debug, Clone)]
pub enum AnswerBody {
    /// Nothing.
    Empty,
    /// Bytes as they are.
    Raw(Bytes),
    /// A sentence, written in the form that the client accepts, with the request id.
    Message(String),
}

impl LocalAnswer {
    /// Roughly what it holds in memory.
    pub fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64);
        let body = match &self.body {
            AnswerBody::Empty => 0,
            AnswerBody::Raw(bytes) => bytes.len(),
            AnswerBody::Message(text) => text.len(),
        };
        headers.sum::<usize>() + body + self.reason.len() + size_of::<Self>()
    }

    /// An error with a sentence for the caller.
    pub fn message(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: AnswerBody::Message(message.into()),
            reason: String::new(),
        }
    }
}
