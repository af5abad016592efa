//! A request or a response as a test describes it, and the inputs it answers.

use std::collections::BTreeMap;

use crate::{Header, Input, Value};

use super::Headers;

/// A request: everything that a plugin can ask about it.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    query: Option<String>,
    headers: Headers,
    facts: BTreeMap<String, Value>,
}

impl Request {
    /// A GET request for a path with or without a query, from 192.0.2.1.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A request with any method.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let request = Self {
            method: method.into(),
            path: path.into(),
            query: query.map(str::to_owned),
            headers: Headers::default(),
            facts: BTreeMap::new(),
        };
        let text = |text: &str| Value::Text(text.into());
        request
            .fact(&Input::ClientIp, text("192.0.2.1"))
            .fact(&Input::Scheme, text("http"))
            .fact(&Input::Host, text("example.com"))
            .fact(&Input::RequestId, text("0123456789abcdef0123456789abcdef"))
            .fact(&Input::StartedAtUnixMs, Value::Number(1_700_000_000_000))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Says what any other input answers, for instance [`Input::ConsumerId`].
    #[must_use]
    pub fn fact(mut self, input: &Input, value: Value) -> Self {
        self.facts.insert(format!("{input:?}"), value);
        self
    }

    pub(super) fn headers(&self) -> &Headers {
        &self.headers
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "any other input is a fact of the test")]
    pub(super) fn answer(&self, input: &Input) -> Value {
        match input {
            Input::Method => Value::Text(self.method.clone()),
            Input::Path => Value::Text(self.path.clone()),
            Input::Query => self.query.clone().map_or(Value::Absent, Value::Text),
            Input::AllHeaders => Value::Headers(self.headers.entries()),
            Input::Header(name) | Input::RequestHeader(name) => several(self.headers.named(name)),
            Input::QueryParam(name) => several(self.query_values(name)),
            other => self.facts.get(&format!("{other:?}")).cloned().unwrap_or(Value::Absent),
        }
    }

    fn query_values(&self, name: &str) -> Vec<Header> {
        let pairs = self.query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let named = pairs.filter(|(known, _)| percent_decode(known) == name.as_bytes());
        named.map(|(_, value)| Header { name: name.into(), value: percent_decode(value) }).collect()
    }
}

/// A response head.
#[derive(Debug, Clone)]
pub struct Response {
    status: u16,
    headers: Headers,
}

impl Response {
    /// A response without headers.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Headers::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.add(name, value);
        self
    }

    pub(super) fn headers(&self) -> &Headers {
        &self.headers
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "any other input is the request's")]
    pub(super) fn answer(&self, request: &Request, input: &Input) -> Value {
        match input {
            Input::ResponseStatus => Value::Number(self.status.into()),
            Input::AllHeaders => Value::Headers(self.headers.entries()),
            Input::Header(name) => several(self.headers.named(name)),
            other => request.answer(other),
        }
    }
}

fn several(mut found: Vec<Header>) -> Value {
    match found.len() {
        0 => Value::Absent,
        1 => Value::Bytes(found.remove(0).value),
        _ => Value::Headers(found),
    }
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let hex = bytes.as_slice_of_two().filter(|_| byte == b'%');
        match hex {
            Some(value) => {
                decoded.push(value);
                bytes.nth(1);
            }
            None => decoded.push(if byte == b'+' { b' ' } else { byte }),
        }
    }
    decoded
}

trait TwoHexDigits {
    fn as_slice_of_two(&self) -> Option<u8>;
}

impl TwoHexDigits for std::str::Bytes<'_> {
    fn as_slice_of_two(&self) -> Option<u8> {
        let mut ahead = self.clone();
        let digits = [ahead.next()?, ahead.next()?];
        u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
    }
}
