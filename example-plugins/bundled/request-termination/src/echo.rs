//! The description of a request that `echo` answers.
//!
//! Most of it stands in the record that log plugins get. What a plugin is not told is deliberately left
//! out: the node, and the named groups of the route's path.

use serde_json::{Map, Value as Json, json};
use weir_plugin_sdk::{Header, Input, Value};

/// Bytes of a body that is shown; nginx writes a longer one to disk, where Kong does not read it.
pub(crate) const MAX_BODY: u64 = 8 << 10;

/// Bytes of a body of unknown length that are waited for.
pub(crate) const MAX_COLLECTED: u64 = 1 << 20;

/// Groups of the route's path that are asked for.
const GROUPS: usize = 9;

/// The body of the request.
pub(crate) enum Body {
    Whole(Vec<u8>),
    TooLong,
}

/// What [`describe`] is handed. The record hides what authenticates a caller, and Kong's echo does not, so
/// headers are asked for apart.
pub(crate) fn wanted() -> Vec<Input> {
    let groups = (1..=GROUPS).map(|group| Input::PathParam(group.to_string()));
    [Input::LogRecord, Input::AllHeaders].into_iter().chain(groups).collect()
}

/// Kong's description. `facts` are the answers to [`wanted`].
pub(crate) fn describe(message: Option<&str>, facts: &[Value], body: &Body) -> Json {
    let record = match facts.first() {
        Some(Value::Text(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(Value::Absent | Value::Bytes(_) | Value::Number(_) | Value::Headers(_)) | None => Json::Null,
    };
    let headers = match facts.get(1) {
        Some(Value::Headers(headers)) => headers.as_slice(),
        Some(Value::Absent | Value::Bytes(_) | Value::Number(_) | Value::Text(_)) | None => &[],
    };
    let mut request = seen(record.get("request").unwrap_or(&Json::Null), headers);
    request.extend(shown(body, headers));
    request.insert("uri_captures".into(), json!({ "named": {}, "unnamed": groups(facts) }));

    let mut description = Map::new();
    description.extend(message.map(|message| ("message".to_owned(), message.into())));
    description.insert("request".into(), request.into());
    for (name, entity) in [("matched_route", "route"), ("matched_service", "service")] {
        description.extend(record.get(entity).map(|entity| (name.to_owned(), entity.clone())));
    }
    description.into()
}

/// The head of the request, from the request of the record.
fn seen(record: &Json, headers: &[Header]) -> Map<String, Json> {
    let url = record.get("url").and_then(Json::as_str).and_then(place);
    let uri = record.get("uri").and_then(Json::as_str);
    let fields = [
        ("method", record.get("method").cloned()),
        ("scheme", url.map(|(scheme, ..)| scheme.into())),
        ("host", url.map(|(_, host, _)| host.into())),
        ("port", url.map(|(.., port)| port.into())),
        ("path", uri.and_then(|uri| uri.split('?').next()).map(Json::from)),
        ("query", record.get("querystring").cloned()),
        ("headers", Some(object(headers.iter().map(|header| (header.name.clone(), text(&header.value)))))),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The body as it came, and its values where its type is known.
fn shown(body: &Body, headers: &[Header]) -> Map<String, Json> {
    let mut shown = Map::new();
    if let Body::Whole(bytes) = body {
        let kind = headers.iter().find(|header| header.name == "content-type");
        let parsed = kind.and_then(|kind| parsed(&kind.value, bytes));
        shown.extend(parsed.map(|parsed| ("body".to_owned(), parsed)));
        shown.insert("raw_body".into(), text(bytes));
    }
    shown
}

/// Scheme, host and port of the record's URL, which always names the port.
fn place(url: &str) -> Option<(&str, &str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, port) = rest.split('/').next()?.rsplit_once(':')?;
    Some((scheme, host, port.parse().ok()?))
}

/// The groups of the route's path up to the first that is not there.
fn groups(facts: &[Value]) -> Vec<Json> {
    let groups = facts.iter().skip(2).map_while(|fact| match fact {
        Value::Text(group) => Some(Json::from(group.as_str())),
        Value::Absent | Value::Bytes(_) | Value::Number(_) | Value::Headers(_) => None,
    });
    groups.collect()
}

/// A form or JSON as values; `None` for anything else. Parts of a multipart body are not told apart.
fn parsed(content_type: &[u8], body: &[u8]) -> Option<Json> {
    let kind = std::str::from_utf8(content_type).ok()?.split(';').next()?.trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => serde_json::from_slice(body).ok(),
        "application/x-www-form-urlencoded" => Some(form(body)),
        _ => None,
    }
}

/// As Kong reads forms: a name without `=` is true.
fn form(body: &[u8]) -> Json {
    let pairs = body.split(|byte| *byte == b'&').filter_map(|part| {
        let (name, value) = form_urlencoded::parse(part).next()?;
        let value = if part.contains(&b'=') { value.into_owned().into() } else { true.into() };
        Some((name.into_owned(), value))
    });
    object(pairs)
}

/// A name that came several times has a list.
fn object(pairs: impl Iterator<Item = (String, Json)>) -> Json {
    let mut object = Map::new();
    for (name, value) in pairs {
        match object.get_mut(&name) {
            Some(Json::Array(values)) => values.push(value),
            Some(known) => *known = Json::Array(vec![known.take(), value]),
            None => _ = object.insert(name, value),
        }
    }
    object.into()
}

fn text(bytes: &[u8]) -> Json {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: &str) -> Vec<Value> {
        let record = json!({
            "request": {
                "method": "POST", "uri": "/a%20b?x=1&y", "url": "http://api.test:8000/a%20b?x=1&y",
                "querystring": {"x": "1", "y": true}, "headers": {"authorization": "REDACTED"},
            },
            "route": {"id": "r", "hosts": ["api.test"]},
            "service": {"id": "s"},
        });
        let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        let headers = vec![
            header("content-type", kind),
            header("authorization", "Basic eA=="),
            header("x-a", "1"),
            header("x-a", "2"),
            header("x-a", "3"),
        ];
        let groups = [Value::Text("12".into()), Value::Text("b".into()), Value::Absent];
        [Value::Text(record.to_string()), Value::Headers(headers)].into_iter().chain(groups).collect()
    }

    #[test]
    fn describes_the_request_as_kong_does() {
        let described =
            describe(Some("Not found"), &facts("text/plain"), &Body::Whole(b"cool body".to_vec()));
        let want = json!({
            "message": "Not found",
            "request": {
                "scheme": "http", "host": "api.test", "port": 8000, "method": "POST", "path": "/a%20b",
                "query": {"x": "1", "y": true},
                "headers": {"content-type": "text/plain", "authorization": "Basic eA==", "x-a": ["1", "2", "3"]},
                "raw_body": "cool body",
                "uri_captures": {"named": {}, "unnamed": ["12", "b"]},
            },
            "matched_route": {"id": "r", "hosts": ["api.test"]},
            "matched_service": {"id": "s"},
        });
        assert_eq!(described, want);
    }

    #[test]
    fn bodies_are_parsed_by_their_type() {
        let json = "application/json; charset=utf-8";
        let form = "application/x-www-form-urlencoded";
        for (case, kind, body, want) in [
            ("JSON", json, r#"{"a":[1]}"#, Some(json!({"a": [1]}))),
            ("broken JSON", json, "{", None),
            ("a form", form, "a=1&b=x+y%21&c&a=2", Some(json!({"a": ["1", "2"], "b": "x y!", "c": true}))),
            ("an empty form", form, "", Some(json!({}))),
            ("another type", "text/plain", "a=1", None),
        ] {
            let described = describe(None, &facts(kind), &Body::Whole(body.into()));
            assert_eq!(described["request"].get("body"), want.as_ref(), "{case}");
            assert_eq!(described["request"]["raw_body"], body, "{case}");
        }
        let described = describe(None, &facts(json), &Body::TooLong);
        assert_eq!(described["request"].get("raw_body"), None, "a long body is left out");
    }

    #[test]
    fn bytes_that_are_no_text_and_facts_that_are_missing_are_no_error() {
        let described = describe(None, &[], &Body::Whole(vec![0xff, b'a']));
        assert_eq!(described["request"]["raw_body"], "\u{fffd}a");
        assert_eq!(described.get("message"), None);
        assert_eq!(place("http://[::1]:80/x"), Some(("http", "[::1]", 80)));
    }
}
