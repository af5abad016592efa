//! One exchange: what is known about a request, from its head to its last byte.
//!
//! The proxy fills it in as the request advances, plugins read it and edit it, the log phase and
//! the access log are written from it. It holds no connection, no body and no plugin instance,
//! and it is `Send`: a suspended plugin call takes it along.

mod answer;
mod attributes;
mod dot_segments;
mod edit;
mod facts;
mod identity;
mod request_id;
mod stream_session;
mod timing;

use std::net::SocketAddr;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Uri, Version};

pub use answer::{AnswerBody, LocalAnswer};
pub use attributes::{AttributeError, Attributes};
pub use dot_segments::{has_dots, hides_dots};
pub use edit::{HeaderEdit, apply};
pub use facts::{Capture, RouteFacts, Scheme, TargetChange, TlsFacts, Try};
pub use identity::{ConsumerFacts, Identity};
pub use request_id::RequestId;
pub use stream_session::{Carrier, StreamSession};
pub use timing::Timing;

/// What is known about one request so far.
#[derive(Debug)]
pub struct Exchange {
    /// Given to the upstream, the client, the plugins and the logs.
    pub id: RequestId,
    /// When what happened.
    pub timing: Timing,
    /// Where the request came from.
    pub peer: Peer,
    /// Of the client's connection; `None` if it is plain.
    pub tls: Option<Arc<TlsFacts>>,
    /// The head as the client sent it, with the edits of plugins so far. Hop-by-hop headers are in
    /// here until the proxy forwards.
    pub request: RequestHead,
    /// The route and its service; `None` until routed, and for a request that matches no route.
    pub route: Option<Arc<RouteFacts>>,
    /// Named and numbered groups of the path regex that matched.
    pub captures: Vec<Capture>,
    /// Who the caller turned out to be.
    pub identity: Option<Identity>,
    /// What plugins changed about where the request goes.
    pub target: TargetChange,
    /// The head of the response, once there is one.
    pub response: Option<ResponseHead>,
    /// Edits that wait for the head of the response, in order.
    pub response_edits: Vec<HeaderEdit>,
    /// Values that plugins left for later plugins and for the log.
    pub attributes: Attributes,
    /// Attempts to reach the upstream.
    pub tries: Vec<Try>,
    /// The path and query sent to the upstream.
    pub upstream_path: Option<PathAndQuery>,
    /// Bytes received from the client, head and body.
    pub bytes_in: u64,
    /// Body bytes sent to the client.
    pub bytes_out: u64,
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The caller, after trusted proxies are taken away.
    pub client: SocketAddr,
    /// The other end of the connection.
    pub direct: SocketAddr,
    /// Port of the listener.
    pub listener_port: u16,
    /// Whether the connection is encrypted.
    pub scheme: Scheme,
}

/// The first line and the headers of a request.
#[derive(Debug)]
pub struct RequestHead {
    /// As sent.
    pub method: Method,
    /// As sent; absolute form keeps its authority.
    pub uri: Uri,
    /// As sent.
    pub version: Version,
    /// With the edits of plugins so far.
    pub headers: HeaderMap,
}

/// The status and the headers of a response.
#[derive(Debug)]
pub struct ResponseHead {
    /// As it will be sent.
    pub status: StatusCode,
    /// With the edits of plugins so far.
    pub headers: HeaderMap,
    /// The status that the upstream gave; `None` when the gateway answered by itself.
    pub upstream_status: Option<StatusCode>,
}

impl Exchange {
    /// Begins an exchange at its request head.
    pub fn begin(id: RequestId, timing: Timing, peer: Peer, request: RequestHead) -> Self {
        Self {
            id,
            timing,
            peer,
            tls: None,
            request,
            route: None,
            captures: Vec::new(),
            identity: None,
            target: TargetChange::default(),
            response: None,
            response_edits: Vec::new(),
            attributes: Attributes::default(),
            tries: Vec::new(),
            upstream_path: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// The groups of the caller, if it is known: those that its identity names, or else those of the consumer's `acls`.
    pub fn groups(&self) -> &[String] {
        self.identity.as_ref().map_or(&[], Identity::groups)
    }

    /// The host that the client named, without its port; empty if it named none.
    ///
    /// An absolute-form target wins over the Host header (RFC 9112 section 3.2.2).
    pub fn host(&self) -> &str {
        host_without_port(self.authority())
    }

    /// The authority that the client named, with its port if it gave one.
    pub fn authority(&self) -> &str {
        self.request.uri.authority().map_or_else(
            || {
                let value = self.request.headers.get(http::header::HOST);
                value.and_then(|host| host.to_str().ok()).unwrap_or_default()
            },
            http::uri::Authority::as_str,
        )
    }
}

/// Cuts a port off, and keeps the brackets of an IPv6 address.
pub fn host_without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}
