//! A response that a plugin made.

use http::{HeaderMap, StatusCode};

use super::edits::pair;
use crate::exchange::{AnswerBody, LocalAnswer};
use crate::plugin_host::bindings::weir::plugin::types::{AnswerBody as Body, LocalResponse};

/// Headers of one answer.
const MAX_HEADERS: usize = 200;

/// Checks a local response.
///
/// # Errors
///
/// What is wrong, for the operator's log.
pub(crate) fn answer(said: LocalResponse) -> Result<LocalAnswer, String> {
    let status = status(said.status)?;
    if said.headers.len() > MAX_HEADERS {
        return Err(format!("more than {MAX_HEADERS} headers"));
    }
    let mut headers = HeaderMap::with_capacity(said.headers.len());
    for header in &said.headers {
        let (name, value) = pair(header)?;
        headers.append(name, value);
    }
    let body = match said.body {
        Body::None => AnswerBody::Empty,
        Body::Raw(bytes) => AnswerBody::Raw(bytes.into()),
        Body::Message(text) => AnswerBody::Message(text),
    };
    let mut reason = said.reason;
    reason.truncate(reason.floor_char_boundary(256));
    Ok(LocalAnswer { status, headers, body, reason })
}

/// A final status.
///
/// # Errors
///
/// If it is not one.
pub(crate) fn status(code: u16) -> Result<StatusCode, String> {
    let known = StatusCode::from_u16(code).ok().filter(|_| (200..600).contains(&code));
    known.ok_or_else(|| format!("{code} is not a status from 200 to 599"))
}
