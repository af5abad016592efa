//! The URL that clients are sent to.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::path;

/// What the query of a web address does not have in it (the WHATWG's "special-query").
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\'');

/// Schemes whose port need not be told, as the WHATWG has them.
const PORTS: [(&str, &str); 5] =
    [("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443"), ("ftp", "21")];

/// What stays of a URL whose path and query are the request's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// Scheme and authority: `https://example.com`.
    origin: String,
    /// With its `#`; empty if there is none.
    fragment: String,
}

/// The parts of a URL.
struct Parts<'u> {
    scheme: &'u str,
    /// With its `@`; empty if there is none.
    user: &'u str,
    host: &'u str,
    /// Empty if there is none.
    port: &'u str,
    fragment: Option<&'u str>,
}

/// What is wrong with a URL; in Kong's words where Kong has some.
pub(crate) fn problem(url: &str, is_changed: bool) -> Option<&'static str> {
    let (scheme, rest) = schemed(url).map_or((None, url), |(scheme, rest)| (Some(scheme), rest));
    let Some(parts) = Parts::of(scheme.unwrap_or_default(), rest).filter(|parts| !parts.host.is_empty())
    else {
        return Some("missing host in url");
    };
    if scheme.is_none() {
        return Some("missing scheme in url");
    }
    if url.contains(|letter: char| letter.is_control()) {
        return Some("must not contain control characters");
    }
    let odd = |letter: char| !letter.is_ascii() || letter == ' ' || "\"<>\\^`{|}%".contains(letter);
    if is_changed && (parts.host.contains(odd) || !parts.port.bytes().all(|digit| digit.is_ascii_digit())) {
        return Some("the host must be written as a name in ASCII (xn--...) or as an address");
    }
    None
}

/// A scheme and what follows its colon.
fn schemed(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    let is_scheme =
        scheme.starts_with(|first: char| first.is_ascii_alphanumeric()) && scheme.chars().all(allowed);
    is_scheme.then_some((scheme, rest))
}

impl<'u> Parts<'u> {
    /// The parts of what follows the scheme; `None` if there is no authority.
    fn of(scheme: &'u str, rest: &'u str) -> Option<Self> {
        let rest = rest.strip_prefix("//")?;
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let (user, server) = authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
        // A colon in brackets is part of an address.
        let (host, port) = match server.rfind(':') {
            Some(at) if !server.ends_with(']') => (server.get(..at)?, server.get(at + 1..)?),
            Some(_) | None => (server, ""),
        };
        let fragment = rest.find('#').and_then(|at| rest.get(at..));
        Some(Self { scheme, user, host, port, fragment })
    }
}

impl Location {
    /// `None` if [`problem`] has something to say.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = schemed(url)?;
        let parts = Parts::of(scheme, rest)?;
        let (scheme, host) = (parts.scheme.to_ascii_lowercase(), parts.host.to_ascii_lowercase());
        let is_default = PORTS.contains(&(scheme.as_str(), parts.port));
        let port =
            if is_default || parts.port.is_empty() { String::new() } else { format!(":{}", parts.port) };
        let origin = format!("{scheme}://{}{host}{port}", parts.user);
        Some(Self { origin, fragment: parts.fragment.unwrap_or_default().to_owned() })
    }

    /// The URL with this path and query, as browsers write them. An empty query is none.
    pub(crate) fn with(&self, path: &str, query: &str) -> String {
        let mut url = String::with_capacity(self.origin.len() + path.len() + query.len() + 1);
        url.push_str(&self.origin);
        path::append(path, &mut url);
        if !query.is_empty() {
            url.push('?');
            url.extend(utf8_percent_encode(query, QUERY));
        }
        url.push_str(&self.fragment);
        url
    }
}
