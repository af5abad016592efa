//! What a handler answers, before it becomes an HTTP response.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::model::Document;

/// Status and body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content: Content,
}

/// Body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Nothing,
    Json(Value),
    /// A text of this content type.
    Text(&'static str, String),
    /// Bytes that other answers share.
    Bytes(&'static str, Bytes),
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: impl Into<Value>) -> Self {
        Self { status, content: Content::Json(body.into()) }
    }

    pub(super) fn ok(body: impl Into<Value>) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(super) fn created(entity: Document) -> Self {
        Self::json(StatusCode::CREATED, entity)
    }

    pub(super) fn message(status: StatusCode, text: impl Into<String>) -> Self {
        Self::json(status, json!({ "message": text.into() }))
    }

    pub(super) fn text(kind: &'static str, text: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, content: Content::Text(kind, text.into()) }
    }

    pub(super) fn bytes(kind: &'static str, bytes: Bytes) -> Self {
        Self { status: StatusCode::OK, content: Content::Bytes(kind, bytes) }
    }

    pub(super) fn not_modified() -> Self {
        Self { status: StatusCode::NOT_MODIFIED, content: Content::Nothing }
    }

    pub(super) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, content: Content::Nothing }
    }

    /// The response, its length always said.
    pub(super) fn into_response(self) -> Response {
        let (kind, bytes) = match self.content {
            Content::Nothing => (None, Bytes::new()),
            Content::Json(value) => (Some("application/json; charset=utf-8"), value.to_string().into()),
            Content::Text(kind, text) => (Some(kind), text.into()),
            Content::Bytes(kind, bytes) => (Some(kind), bytes),
        };
        let length = bytes.len();
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = self.status;
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}
