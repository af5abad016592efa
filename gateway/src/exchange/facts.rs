//! The nouns of an exchange: route, consumer, identity, target, attempt.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

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

/// A route and its service, as the log phase and plugins see them. Made once for each snapshot.
#[derive(Debug)]
pub struct RouteFacts {
    /// The route.
    pub route: Route,
    /// Its service, if it has one.
    pub service: Option<Service>,
    /// The route as the Admin API prints it, for log records.
    pub route_json: Box<str>,
    /// The service as the Admin API prints it, for log records.
    pub service_json: Option<Box<str>>,
}

/// One group of the path regex that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// The group's name, or its number from 1 as text.
    pub name: String,
    /// What it matched.
    pub value: String,
}

/// A consumer, as requests need it.
#[derive(Debug, PartialEq, Eq)]
pub struct ConsumerFacts {
    /// Primary key.
    pub id: Uuid,
    /// Unique name, if it has one.
    pub username: Option<String>,
    /// The operator's own id, if it has one.
    pub custom_id: Option<String>,
    /// The consumer as the Admin API prints it, for log records.
    pub json: Box<str>,
}

/// Who the caller turned out to be.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The consumer, unless only a credential is known.
    pub consumer: Option<Arc<ConsumerFacts>>,
    /// The credential that was presented.
    pub credential: Option<String>,
    /// Groups that the authentication plugin named.
    pub groups: Vec<String>,
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
}
