//! What a request is hashed by, as Kong chooses it.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderValue, header};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::balancer::{HashSource, HashSources};
use crate::exchange::{Exchange, HeaderEdit};
use crate::router::normalize_path;

/// The value that decides which target gets the request; empty if there is none. A cookie that is missing
/// is made, and sent along with the response.
pub(super) fn of(sources: &HashSources, exchange: &mut Exchange) -> Vec<u8> {
    for source in [&sources.on, &sources.fallback].into_iter().flatten() {
        if let Some(value) = value(source, exchange) {
            return value;
        }
    }
    Vec::new()
}

fn value(source: &HashSource, exchange: &mut Exchange) -> Option<Vec<u8>> {
    let found = match source {
        HashSource::Consumer => {
            let identity = exchange.identity.as_ref()?;
            let consumer = identity.consumer.as_ref().map(|consumer| consumer.id.to_string());
            consumer.or_else(|| identity.credential.clone())?.into_bytes()
        }
        HashSource::Ip => exchange.peer.client.ip().to_string().into_bytes(),
        HashSource::Header(name) => {
            let values = exchange.request.headers.get_all(name).iter();
            values.flat_map(|value| value.as_bytes()).copied().collect()
        }
        HashSource::Cookie { name, path } => match cookie(exchange, name) {
            Some(value) => value,
            None => make_cookie(exchange, name, path),
        },
        HashSource::Path => normalize_path(exchange.request.uri.path()).into_owned(),
        HashSource::QueryArg(name) => argument(exchange, name),
        HashSource::UriCapture(name) => {
            let mut captures = exchange.captures.iter();
            captures.find(|capture| capture.name == **name)?.value.clone().into_bytes()
        }
    };
    (!found.is_empty()).then_some(found)
}

/// The first cookie of this name (RFC 6265 section 4.2).
fn cookie(exchange: &Exchange, name: &str) -> Option<Vec<u8>> {
    let lines = exchange.request.headers.get_all(header::COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.find_map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = pair.split_at(at);
        (found == name.as_bytes()).then(|| value.iter().skip(1).copied().collect())
    })
}

/// In Kong's form, with its spelling of `SameSite`.
fn make_cookie(exchange: &mut Exchange, name: &Arc<str>, path: &Arc<str>) -> Vec<u8> {
    let value = Uuid::new_v4().to_string();
    let line = format!("{name}={value}; Path={path}; Same-Site=Lax; HttpOnly");
    if let Ok(line) = HeaderValue::try_from(line) {
        exchange.response_edits.push(HeaderEdit::Append(header::SET_COOKIE, line));
    }
    value.into_bytes()
}

/// All values of an argument, sorted and joined.
fn argument(exchange: &Exchange, name: &str) -> Vec<u8> {
    let pairs = exchange.request.uri.query().unwrap_or_default().split('&');
    let decoded = |text: &str| -> Vec<u8> {
        let text: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
        percent_decode_str(&text).collect()
    };
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let mut values: Vec<Vec<u8>> =
        pairs.filter(|(key, _)| decoded(key) == name.as_bytes()).map(|(_, value)| decoded(value)).collect();
    values.sort();
    values.concat()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Version};
    use tokio::time::Instant;

    use super::*;
    use crate::exchange::{Capture, Identity, Peer, RequestHead, RequestId, Scheme, Timing};

    fn exchange() -> Exchange {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("x-key", "a"), ("x-key", "b"), ("cookie", "a=1; session=s1"), ("cookie", "b=2")]
        {
            headers.append(name, value.parse().unwrap());
        }
        let client = "10.0.0.9:1234".parse().unwrap();
        let peer = Peer { client, direct: client, listener_port: 8000, scheme: Scheme::Http };
        let uri = "/a%20b?k=z&k=a+b&empty=&flag".parse().unwrap();
        let head = RequestHead { method: Method::GET, uri, version: Version::HTTP_11, headers };
        let mut exchange =
            Exchange::begin(RequestId::from_bits(1), Timing::begin(Instant::now(), 0), peer, head);
        exchange.captures = vec![Capture { name: "id".into(), value: "42".into() }];
        exchange
    }

    #[test]
    fn each_source_has_its_value_or_leaves_it_to_the_next() {
        let cookie = |name: &str| HashSource::Cookie { name: name.into(), path: "/p".into() };
        for (case, on, fallback, want) in [
            ("address", HashSource::Ip, None, "10.0.0.9"),
            ("all values of a header", HashSource::Header("x-key".parse().unwrap()), None, "ab"),
            ("a cookie", cookie("session"), None, "s1"),
            ("a cookie of the second line", cookie("b"), None, "2"),
            ("the path, decoded", HashSource::Path, None, "/a b"),
            ("values of an argument, sorted", HashSource::QueryArg("k".into()), None, "a bz"),
            (
                "an argument without a value",
                HashSource::QueryArg("flag".into()),
                Some(HashSource::Ip),
                "10.0.0.9",
            ),
            ("an empty argument", HashSource::QueryArg("empty".into()), Some(HashSource::Ip), "10.0.0.9"),
            ("a group of the path", HashSource::UriCapture("id".into()), None, "42"),
            ("no such group", HashSource::UriCapture("no".into()), None, ""),
            ("nobody", HashSource::Consumer, Some(HashSource::Ip), "10.0.0.9"),
            ("no such header", HashSource::Header("x-no".parse().unwrap()), Some(HashSource::Path), "/a b"),
        ] {
            let sources = HashSources { on: Some(on), fallback };
            let mut exchange = exchange();
            assert_eq!(String::from_utf8(of(&sources, &mut exchange)).unwrap(), want, "{case}");
            assert!(exchange.response_edits.is_empty(), "{case}");
        }
    }

    #[test]
    fn a_credential_stands_in_for_a_consumer() {
        let mut exchange = exchange();
        let credential = Some("c1".to_owned());
        exchange.identity =
            Some(Identity { consumer: None, credential, groups: Vec::new(), anonymous: false });
        let sources = HashSources { on: Some(HashSource::Consumer), fallback: None };
        assert_eq!(of(&sources, &mut exchange), b"c1");
    }

    #[test]
    fn a_missing_cookie_is_made_and_sent() {
        let on = HashSource::Cookie { name: "sticky".into(), path: "/p".into() };
        let mut exchange = exchange();
        let value = of(&HashSources { on: Some(on), fallback: None }, &mut exchange);
        let value = String::from_utf8(value).unwrap();
        assert_eq!(value.len(), 36, "a UUID: {value}");
        let line = format!("sticky={value}; Path=/p; Same-Site=Lax; HttpOnly");
        let want = HeaderEdit::Append(header::SET_COOKIE, line.parse().unwrap());
        assert_eq!(exchange.response_edits, [want]);
    }
}
