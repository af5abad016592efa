//! What a look-up is given and what it finds.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};

use http::{HeaderMap, Method};

use super::upstream_path;
use crate::exchange::{Capture, Scheme};
use crate::expression::{Facts, HttpFacts};
use crate::model::PathHandling;

/// Place of a route in the list that the router was built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteIndex(pub u32);

/// What routes can ask about a request.
#[derive(Debug, Clone, Copy)]
pub struct RouteInput<'p> {
    /// As sent.
    pub method: &'p Method,
    /// The host that the client named, in its own case, without port.
    pub host: &'p str,
    /// The port that the client named with the host, otherwise the listener's.
    pub port: u16,
    /// The raw request path, without the query.
    pub path: &'p str,
    /// Of the connection. On plain http the server name is not looked at.
    pub scheme: Scheme,
    /// As sent.
    pub headers: &'p HeaderMap,
    /// The TLS server name, if the client gave one.
    pub sni: Option<&'p str>,
    /// The raw query, without `?`.
    pub query: Option<&'p str>,
    /// The caller, after trusted proxies are taken away.
    pub source: SocketAddr,
    /// Where the caller connected to: address and port of the listener.
    pub destination: SocketAddr,
}

impl<'p> RouteInput<'p> {
    /// A request to port 80 on a plain connection between unknown addresses.
    pub fn plain(method: &'p Method, host: &'p str, path: &'p str, headers: &'p HeaderMap) -> Self {
        let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        Self {
            method,
            host,
            port: 80,
            path,
            scheme: Scheme::Http,
            headers,
            sni: None,
            query: None,
            source: nobody,
            destination: SocketAddr::new(nobody.ip(), 80),
        }
    }

    /// The same as expressions see it; `path` is in normal form.
    pub(super) fn facts<'a>(&'a self, path: &'a [u8]) -> Facts<'a> {
        Facts {
            protocol: self.scheme.as_str(),
            sni: self.sni,
            source: self.source,
            destination: self.destination,
            http: Some(HttpFacts {
                method: self.method.as_str(),
                host: self.host,
                path,
                query: self.query,
                headers: self.headers,
            }),
        }
    }
}

/// Proof that a route was found, with what its path condition matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch<'p> {
    /// The route.
    pub index: RouteIndex,
    /// The request path in normal form. Bytes, since an escaped byte need not be UTF-8.
    pub path: Cow<'p, [u8]>,
    /// How many bytes of `path` the route's path matched; `None` for a route without paths.
    pub matched: Option<usize>,
    /// Groups of the path regex that matched: named ones by name, all of them by number.
    pub captures: Vec<Capture>,
}

impl<'p> RouteMatch<'p> {
    /// The part of the path that the route's path matched; empty for a route without paths.
    pub fn matched_prefix(&self) -> &[u8] {
        self.path.get(..self.matched.unwrap_or(0)).unwrap_or_default()
    }

    /// The path for the upstream, before plugins change it. Borrows where nothing changes.
    pub fn upstream_path(
        &self,
        service_path: Option<&str>,
        strip: bool,
        handling: PathHandling,
    ) -> Cow<'_, str> {
        // A route without paths loses the first slash only, which the join puts back.
        let strip = strip.then(|| self.matched.unwrap_or(1));
        upstream_path(service_path, &self.path, strip, handling)
    }
}
