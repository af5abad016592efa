//! One request to the Admin API, taken apart.

use axum::body::Body;
use axum::http::HeaderMap;

use super::body::{self, Sent};
use super::error::ApiError;
use super::state::AdminState;

/// What a handler gets.
pub(super) struct Call<'a> {
    pub(super) state: &'a AdminState,
    /// The path as the client wrote it, without a final slash.
    pub(super) path: &'a str,
    pub(super) query: Query,
    /// The values of the path's parameters, decoded.
    pub(super) parameters: Vec<String>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Body,
}

impl Call<'_> {
    /// A parameter of the path, counted from 0.
    pub(super) fn parameter(&self, at: usize) -> Result<&str, ApiError> {
        self.parameters.get(at).map(String::as_str).ok_or(ApiError::NotFound)
    }

    /// The fields in the body.
    pub(super) async fn fields(&mut self) -> Result<Sent, ApiError> {
        let body = std::mem::take(&mut self.body);
        body::read_fields(self.headers, body, self.state.settings.max_body_bytes).await
    }
}

/// The arguments behind the question mark.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        body::arguments(text.as_bytes()).map(Self)
    }

    /// All values of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
