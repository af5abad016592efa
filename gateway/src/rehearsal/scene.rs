//! What one request led to, as it is written down.

use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::body::Passed;
use crate::exchange::{AnswerBody, Exchange, LocalAnswer};
use crate::plugin_host::LogLine;

/// What the upstream would be sent. The headers that the gateway itself adds on the way are left out.
/// A body that the plugin was not handed passes it by, and is not shown.
pub(super) fn to_upstream(exchange: &Exchange, passed: &Passed) -> Value {
    let (request, target) = (&exchange.request, &exchange.target);
    let mut seen = Map::new();
    let method = target.method.as_ref().unwrap_or(&request.method);
    seen.insert("method".into(), method.as_str().into());
    let path = target.path.as_deref().unwrap_or_else(|| request.uri.path());
    let query = target.query.as_deref().or_else(|| request.uri.query()).filter(|query| !query.is_empty());
    let path = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    seen.insert("path".into(), path.into());
    for (name, changed) in
        [("scheme", &target.scheme), ("host", &target.host), ("upstream", &target.upstream)]
    {
        seen.extend(changed.as_ref().map(|value| (name.to_owned(), value.clone().into())));
    }
    seen.insert("headers".into(), headers(&request.headers));
    seen.extend(passed.body.as_ref().map(|body| ("body".to_owned(), text(body))));
    ending(&mut seen, passed);
    seen.into()
}

/// What the client would be sent: the plugin's own answer, or the upstream's.
pub(super) fn to_client(
    exchange: &Exchange,
    local: Option<&LocalAnswer>,
    sent: &[u8],
    passed: &Passed,
) -> Value {
    let mut seen = Map::new();
    if let Some(response) = &exchange.response {
        seen.insert("status".into(), response.status.as_u16().into());
        seen.insert("headers".into(), headers(&response.headers));
    }
    let body = passed.body.as_deref().unwrap_or(sent);
    match local.map(|answer| &answer.body) {
        None | Some(AnswerBody::Raw(_)) => _ = seen.insert("body".into(), text(body)),
        // The gateway writes it in the form that the client accepts.
        Some(AnswerBody::Message(message)) => _ = seen.insert("message".into(), message.clone().into()),
        Some(AnswerBody::Empty) => {}
    }
    if let Some(answer) = local.filter(|answer| !answer.reason.is_empty()) {
        seen.insert("reason".into(), answer.reason.clone().into());
    }
    ending(&mut seen, passed);
    seen.into()
}

/// How a body ended: with trailers, or before its end.
fn ending(seen: &mut Map<String, Value>, passed: &Passed) {
    seen.extend(passed.trailers.as_ref().map(|trailers| ("trailers".to_owned(), headers(trailers))));
    seen.extend(passed.broken.as_ref().map(|failure| ("broken_off".to_owned(), failure.to_string().into())));
}

/// Who the caller turned out to be; null if nobody said.
pub(super) fn caller(exchange: &Exchange) -> Value {
    exchange.identity.as_ref().map_or(Value::Null, |identity| {
        json!({
            "consumer": identity.consumer.as_ref().map(|consumer| &consumer.username),
            "credential": identity.credential,
            "groups": identity.groups,
            "anonymous": identity.anonymous,
        })
    })
}

/// A log line, without what the gateway adds.
pub(super) fn logged(line: &LogLine) -> Value {
    let fields: Map<_, _> =
        line.fields.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({ "level": line.level, "message": line.message, "fields": fields })
}

/// Headers by name, in alphabetical order; several values are a list.
pub(super) fn headers(headers: &HeaderMap) -> Value {
    let mut names: Vec<_> = headers.keys().filter(|name| *name != header::HOST).collect();
    names.sort_by_key(|name| name.as_str());
    let values = |name| -> Value {
        let mut values: Vec<Value> =
            headers.get_all(name).iter().map(|value| text(value.as_bytes())).collect();
        if values.len() == 1 { values.pop().unwrap_or_default() } else { values.into() }
    };
    names.into_iter().map(|name| (name.to_string(), values(name))).collect::<Map<_, _>>().into()
}

/// Bytes as text; what is no UTF-8 becomes `\xNN`.
pub(super) fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.escape_ascii().to_string().into(),
    }
}
