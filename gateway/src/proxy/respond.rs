//! Answers that the gateway writes itself, in the form that the client accepts (Kong's error pages).

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::error::{Page, ProxyError};
use crate::exchange::{AnswerBody, Exchange, LocalAnswer, RequestId};

/// The forms that an error may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Plain,
    Html,
    Xml,
    Grpc,
}

/// What a proxy error says to the client.
pub(super) fn from_error(error: &ProxyError) -> LocalAnswer {
    let mut answer = LocalAnswer::message(error.status(), error.message());
    if error.closes() {
        answer.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if matches!(error, ProxyError::Overloaded) {
        answer.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

/// Writes a local answer's body, and sets its content type where the answer leaves it open.
pub(super) fn render(exchange: &Exchange, answer: &mut LocalAnswer, page: Page) -> Bytes {
    match std::mem::replace(&mut answer.body, AnswerBody::Empty) {
        AnswerBody::Empty => Bytes::new(),
        AnswerBody::Raw(bytes) => bytes,
        AnswerBody::Message(message) => {
            let form = choose(&exchange.request.headers, page);
            if form == Form::Grpc {
                return grpc(answer, &message);
            }
            answer.headers.insert(header::CONTENT_TYPE, content_type(form));
            Bytes::from(write(form, &message, &exchange.id))
        }
    }
}

/// The best form by the Accept header; the first of the highest quality wins.
fn choose(headers: &HeaderMap, page: Page) -> Form {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = text(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.starts_with("application/grpc")) {
        return Form::Grpc;
    }
    let fallback = match page {
        Page::Kong => Form::Json,
        Page::Server => content_type.and_then(known).unwrap_or(Form::Plain),
    };
    let Some(accept) = text(header::ACCEPT) else { return fallback };
    let mut best: Option<(f32, Form)> = None;
    for entry in accept.split(',') {
        let (kind, quality) = entry_parts(entry);
        let form = if kind == "*/*" { fallback } else { known(kind).unwrap_or(Form::Json) };
        if quality > 0.0 && best.is_none_or(|(highest, _)| quality > highest) {
            best = Some((quality, form));
        }
    }
    best.map_or(fallback, |(_, form)| form)
}

fn entry_parts(entry: &str) -> (&str, f32) {
    let mut parts = entry.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|text| text.parse().ok());
    (kind, quality.unwrap_or(1.0))
}

fn known(kind: &str) -> Option<Form> {
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" | "application/*" => Some(Form::Json),
        "text/plain" | "text/*" => Some(Form::Plain),
        "text/html" => Some(Form::Html),
        "application/xml" => Some(Form::Xml),
        _ => None,
    }
}

fn content_type(form: Form) -> HeaderValue {
    HeaderValue::from_static(match form {
        Form::Json => "application/json; charset=utf-8",
        Form::Plain => "text/plain; charset=utf-8",
        Form::Html => "text/html; charset=utf-8",
        Form::Xml => "application/xml; charset=utf-8",
        Form::Grpc => "application/grpc",
    })
}

fn write(form: Form, message: &str, id: &RequestId) -> String {
    let id = id.as_str();
    match form {
        Form::Json => {
            // Kong does not escape the text; a plugin's message with a quote must still be JSON here.
            let quoted = serde_json::Value::from(message);
            format!("{{\n  \"message\":{quoted},\n  \"request_id\":\"{id}\"\n}}")
        }
        Form::Plain | Form::Grpc => format!("{message}\nrequest_id: {id}\n"),
        Form::Html => {
            let message = escape(message);
            format!(
                "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Error</title>\n  </head>\n  \
                 <body>\n    <h1>Error</h1>\n    <p>{message}.</p>\n    <p>request_id: {id}</p>\n  </body>\n</html>\n"
            )
        }
        Form::Xml => {
            let message = escape(message);
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>{message}</message>\n  \
                 <requestid>{id}</requestid>\n</error>\n"
            )
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A gRPC client reads its error from headers, with HTTP status 200 (Kong's mapping).
fn grpc(answer: &mut LocalAnswer, message: &str) -> Bytes {
    let code: u16 = match answer.status.as_u16() {
        200 => 0,
        400 => 3,
        401 => 16,
        403 => 7,
        404 => 5,
        409 => 6,
        429 => 8,
        499 => 1,
        500 => 13,
        501 => 12,
        503 => 14,
        504 => 4,
        502 | 505..=599 => 13,
        402 | 405..=408 | 410..=428 | 430..=498 => 3,
        201..=299 => 0,
        _ => 2,
    };
    answer.status = StatusCode::OK;
    answer.headers.insert(header::CONTENT_TYPE, content_type(Form::Grpc));
    answer.headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from(code));
    if let Ok(value) = HeaderValue::from_str(message) {
        answer.headers.insert(HeaderName::from_static("grpc-message"), value);
    }
    Bytes::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(accept: Option<&str>, content_type: Option<&str>, page: Page) -> Form {
        let mut headers = HeaderMap::new();
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        accept.map(|text| headers.insert(header::ACCEPT, value(text)));
        content_type.map(|text| headers.insert(header::CONTENT_TYPE, value(text)));
        choose(&headers, page)
    }

    #[test]
    fn the_form_follows_accept_then_kongs_defaults() {
        for (case, accept, content_type, page, want) in [
            ("no Accept", None, None, Page::Kong, Form::Json),
            ("server page without Accept", None, None, Page::Server, Form::Plain),
            (
                "server page takes the request's type",
                None,
                Some("application/json"),
                Page::Server,
                Form::Json,
            ),
            ("anything", Some("*/*"), None, Page::Kong, Form::Json),
            ("html", Some("text/html"), None, Page::Kong, Form::Html),
            ("highest quality", Some("text/html;q=0.3, application/xml;q=0.9"), None, Page::Kong, Form::Xml),
            ("first of equals", Some("text/plain, text/html"), None, Page::Kong, Form::Plain),
            ("unknown counts as JSON", Some("image/png"), None, Page::Kong, Form::Json),
            ("gRPC", Some("*/*"), Some("application/grpc+proto"), Page::Kong, Form::Grpc),
        ] {
            assert_eq!(form(accept, content_type, page), want, "{case}");
        }
    }

    #[test]
    fn json_has_kongs_layout() {
        let id = RequestId::from_bits(1);
        assert_eq!(
            write(Form::Json, "Unauthorized", &id),
            "{\n  \"message\":\"Unauthorized\",\n  \"request_id\":\"00000000000000000000000000000001\"\n}"
        );
    }
}
