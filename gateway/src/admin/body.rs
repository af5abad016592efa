//! Bodies of requests: JSON, url-encoded and multipart forms, in Kong's readings.
//!
//! Everything is bounded: bytes, arguments, time. Values of a form stay texts here; the kind's rules
//! give them their types.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;

use super::error::ApiError;
use super::form;
use crate::model::Document;

/// Most arguments of a form or a query, as in Kong.
const MAX_ARGUMENTS: usize = 1000;
/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a client sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sent {
    /// Values with their types.
    Json(Document),
    /// Values that are all texts, but for parts that say they are JSON.
    Form(Document),
}

impl Sent {
    pub(super) fn document(&self) -> &Document {
        match self {
            Self::Json(document) | Self::Form(document) => document,
        }
    }
}

/// Reads a body into fields.
pub(super) async fn read_fields(headers: &HeaderMap, body: Body, limit: usize) -> Result<Sent, ApiError> {
    let bytes = read_bytes(headers, body, limit).await?;
    let media = media_type(headers);
    match media.as_str() {
        "" if bytes.is_empty() => Ok(Sent::Json(Document::new())),
        text if text.starts_with("application/json") => json(&bytes).map(Sent::Json),
        text if text.starts_with("application/x-www-form-urlencoded") => {
            let pairs = arguments(&bytes)?;
            Ok(Sent::Form(form::decode(pairs.into_iter().map(|(name, value)| (name, value.into())))))
        }
        text if text.starts_with("multipart/form-data") => {
            let parts = read_parts(headers, bytes).await?;
            let mut pairs = Vec::new();
            for part in parts {
                pairs.push((part.name.clone(), part.value()?));
            }
            Ok(Sent::Form(form::decode(pairs)))
        }
        _ => Err(unsupported()),
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_bytes(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    collect(body, limit, PATIENCE).await
}

/// The bytes that have come within `patience`, if those are all.
pub(super) async fn collect(body: Body, limit: usize, patience: Duration) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(patience, axum::body::to_bytes(body, limit)).await;
    match read {
        Err(_) => Err(ApiError::message(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_limit(&error) => Err(too_large(limit)),
        Ok(Err(error)) => Err(ApiError::bad_request(format!("the body could not be read: {error}"))),
    }
}

fn is_limit(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

fn too_large(limit: usize) -> ApiError {
    ApiError::message(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
}

pub(super) fn unsupported() -> ApiError {
    ApiError::message(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
}

/// The media type as sent, empty if there is none.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim().to_owned()
}

fn json(bytes: &[u8]) -> Result<Document, ApiError> {
    if bytes.is_empty() {
        return Ok(Document::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) | Err(_) => Err(ApiError::bad_request("Cannot parse JSON body")),
    }
}

/// The arguments of a url-encoded text.
pub(super) fn arguments(bytes: &[u8]) -> Result<Vec<(String, String)>, ApiError> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(bytes)
        .take(MAX_ARGUMENTS + 1)
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    if pairs.len() > MAX_ARGUMENTS { Err(ApiError::bad_request("Too many arguments")) } else { Ok(pairs) }
}

/// One part of a multipart body.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) is_json: bool,
    pub(super) bytes: Bytes,
}

impl Part {
    /// The part as a value: JSON if it says so, else a text.
    pub(super) fn value(self) -> Result<Value, ApiError> {
        let bad = |_| ApiError::bad_request(format!("Cannot parse the part '{}'", self.name));
        if self.is_json {
            return serde_json::from_slice(&self.bytes).map_err(|_| bad(()));
        }
        String::from_utf8(self.bytes.to_vec()).map(Value::String).map_err(|_| bad(()))
    }
}

/// The parts of a multipart body that has been read.
pub(super) async fn read_parts(headers: &HeaderMap, bytes: Bytes) -> Result<Vec<Part>, ApiError> {
    let bad = |error: multer::Error| ApiError::bad_request(format!("Cannot parse multipart body: {error}"));
    let boundary = multer::parse_boundary(media_type(headers)).map_err(bad)?;
    let mut form = multer::Multipart::new(Body::from(bytes).into_data_stream(), boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(bad)? {
        if parts.len() == MAX_ARGUMENTS {
            return Err(ApiError::bad_request("Too many arguments"));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let is_json = field
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let bytes = field.bytes().await.map_err(bad)?;
        parts.push(Part { name, is_json, bytes });
    }
    Ok(parts)
}
