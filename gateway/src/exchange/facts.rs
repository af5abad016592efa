//! The nouns of an exchange: route, target, attempt.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Route, Service};

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What a handshake has settled. Made once for each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// OpenSSL's name of the cipher.
    pub cipher: &'static str,
    /// The name that the client asked for.
    pub server_name: Option<Box<str>>,
}

/// A route and its service, as the log phase and plugins see them. Made once for each snapshot.
#[derive(Debug)]
pub struct RouteFacts {
    /// The route.
    pub route: Route,
    /// Its service, if it has one.
    pub service: Option<Service>,
    /// The route as the Admin API prints it, for log records.
    pub route_json: Arc<str>,
    /// The service as the Admin API prints it, for log records.
    pub service_json: Option<Arc<str>>,
}

/// One group of the path regex that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// The group's name, or its number from 1 as text.
    pub name: String,
    /// What it matched.
    pub value: String,
}

/// What plugins changed about where a request goes; `None` leaves it as routed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TargetChange {
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// The Host header for the upstream.
    pub host: Option<String>,
    /// Path for the upstream, in place of the routed one.
    pub path: Option<String>,
    /// Query for the upstream, without `?`; empty removes it.
    pub query: Option<String>,
    /// Method for the upstream.
    pub method: Option<http::Method>,
    /// Upstream host and port, in place of the service's.
    pub upstream: Option<String>,
}

impl TargetChange {
    /// Roughly what it holds in memory.
    pub fn bytes(&self) -> usize {
        let Self { scheme, host, path, query, method, upstream } = self;
        let texts = [scheme, host, path, query, upstream].into_iter().flatten().map(String::len);
        texts.sum::<usize>() + method.as_ref().map_or(0, |method| method.as_str().len()) + size_of::<Self>()
    }

    /// Puts what `later` changes in place of what this one does.
    pub fn take_over(&mut self, later: Self) {
        let Self { scheme, host, path, query, method, upstream } = later;
        self.scheme = scheme.or(self.scheme.take());
        self.host = host.or(self.host.take());
        self.path = path.or(self.path.take());
        self.query = query.or(self.query.take());
        self.method = method.or(self.method.take());
        self.upstream = upstream.or(self.upstream.take());
    }
}

/// One attempt to reach the upstream.
#[derive(Debug, Clone)]
pub struct Try {
    /// Where it went.
    pub address: SocketAddr,
    /// When it began, Unix milliseconds.
    pub started_unix_ms: u64,
    /// How long it took to get a connection.
    pub connect: Duration,
    /// Why it failed; `None` for the one that worked.
    pub failure: Option<&'static str>,
    /// What a failure amounts to for the client: 502 or 504.
    pub code: Option<u16>,
}
