//! What an expression can ask, and what it leaves behind when it holds.

use std::net::SocketAddr;

use http::HeaderMap;

/// The values of all fields.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// `http`, `https`, `tcp`, `tls` or `udp`.
    pub protocol: &'a str,
    /// The TLS server name, if the client gave one.
    pub sni: Option<&'a str>,
    /// The caller.
    pub source: SocketAddr,
    /// Where the caller connected to.
    pub destination: SocketAddr,
    /// The request; `None` for a stream.
    pub http: Option<HttpFacts<'a>>,
}

/// The values of the fields of a request.
#[derive(Debug, Clone, Copy)]
pub struct HttpFacts<'a> {
    /// As sent.
    pub method: &'a str,
    /// In its own case, without port.
    pub host: &'a str,
    /// In normal form.
    pub path: &'a [u8],
    /// What follows the `?`.
    pub query: Option<&'a str>,
    /// As sent.
    pub headers: &'a HeaderMap,
}

/// What matched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many bytes of the path.
    pub path: Option<usize>,
    /// Groups of regexes: named ones by name, all of them by number from 1.
    pub captures: Vec<(String, String)>,
}

impl Found {
    /// A later regex takes the names of an earlier one over.
    pub(super) fn capture(&mut self, name: String, value: String) {
        match self.captures.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.captures.push((name, value)),
        }
    }
}
