//! Where one attempt goes: the service's address, one of those of its name, or a target of an upstream.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::connection::Client;
use super::error::ProxyError;
use super::hash_key;
use crate::balancer::{Balancer, Lease, Peer, PickError, Table};
use crate::client::Endpoint;
use crate::dns::{DnsFailure, Name, Picked};
use crate::exchange::{self, Exchange};
use crate::snapshot::{Destination, Upstream};

/// Where one attempt goes.
pub(super) struct Place {
    pub(super) endpoint: Endpoint,
    pub(super) address: SocketAddr,
    /// The target, if it is one of an upstream's.
    pub(super) lease: Option<Lease>,
}

impl Place {
    /// What it sees as Host unless something else is asked for; `None` leaves that to the service.
    pub(super) fn host_header(&self) -> Option<&HeaderValue> {
        let peer = self.lease.as_ref()?.peer()?;
        Some(peer.host_header(self.endpoint.tls.is_some()))
    }
}

impl Place {
    /// One of the addresses of a name that has not `failed`, if there is one. Waits only if it has not been
    /// looked up yet, at most `limit`.
    pub(super) async fn of_name(
        name: &Name,
        base: &Endpoint,
        limit: Duration,
        failed: impl Fn(SocketAddr) -> bool,
    ) -> Result<Self, ProxyError> {
        let mut picked = name.pick(base.port, &failed);
        if picked == Picked::Pending {
            Box::pin(name.settled(limit)).await;
            picked = name.pick(base.port, &failed);
        }
        let address = match picked {
            Picked::Address(address) => address,
            Picked::Failed(failure) => return Err(ProxyError::Name(failure)),
            Picked::Pending => return Err(ProxyError::Name(DnsFailure::Unreachable)),
        };
        Ok(Self { endpoint: at_address(base, address), address, lease: None })
    }

    /// The target that a balancer has picked.
    pub(super) fn of_target(lease: Lease, base: &Endpoint) -> Result<Self, ProxyError> {
        let peer = lease.peer().ok_or(ProxyError::NoPeer(PickError::NoTarget))?;
        let (endpoint, address) = (at_peer(base, peer), peer.address());
        Ok(Self { endpoint, address, lease: Some(lease) })
    }
}

/// One of the addresses of a name.
pub(super) fn at_address(base: &Endpoint, address: SocketAddr) -> Endpoint {
    Endpoint { port: address.port(), address: Some(address), ..base.clone() }
}

/// A target of an upstream.
pub(super) fn at_peer(base: &Endpoint, peer: &Peer) -> Endpoint {
    Endpoint { host: Arc::clone(&peer.host), ..at_address(base, peer.address()) }
}

/// Asks for the name in a Host if TLS is spoken there.
pub(super) fn ask_for(endpoint: &mut Endpoint, host: &HeaderValue) {
    let name = host_without_port(host);
    if let Some(tls) = &mut endpoint.tls
        && *tls.name != *name
    {
        tls.name = name.into();
    }
}

/// The targets to pick from. Waits only if their names have not been looked up yet, at most `limit`.
pub(super) async fn settled_table(balancer: &Balancer, limit: Duration) -> Arc<Table> {
    let table = balancer.table();
    if balancer.has_enough() || !table.is_pending() {
        return table;
    }
    Box::pin(balancer.settled(limit)).await;
    balancer.table()
}

/// Chooses the places of one request's attempts.
pub(super) struct Chooser<'a> {
    base: Cow<'a, Endpoint>,
    destination: Cow<'a, Destination>,
    /// What the request is hashed by, once that was needed.
    key: Option<Vec<u8>>,
    upstream: &'a Upstream,
}

impl<'a> Chooser<'a> {
    /// For a request to this service, or to where a plugin sends it.
    pub(super) fn new(client: &'a Rc<Client>, exchange: &Exchange, upstream: &'a Upstream) -> Self {
        let (base, destination) = match &exchange.target.upstream {
            None => (Cow::Borrowed(&upstream.endpoint), Cow::Borrowed(&upstream.destination)),
            Some(changed) => elsewhere(client, changed, upstream),
        };
        Self { base, destination, key: None, upstream }
    }

    /// The next place; another one than those that have failed, if there is one. Waits only for a name that
    /// has not been looked up yet, as long as for a connection at most.
    ///
    /// As in Kong, the name that is asked for by TLS is the one that is asked for by HTTP: `host`, or the
    /// place's own.
    pub(super) async fn next(
        &mut self,
        exchange: &mut Exchange,
        host: Option<&HeaderValue>,
    ) -> Result<Place, ProxyError> {
        let mut place = self.any(exchange).await?;
        if place.endpoint.tls.is_some()
            && let Some(host) = host.or(place.host_header()).cloned()
        {
            ask_for(&mut place.endpoint, &host);
        }
        Ok(place)
    }

    async fn any(&mut self, exchange: &mut Exchange) -> Result<Place, ProxyError> {
        match &*self.destination {
            Destination::Address(address) => {
                let place = Place { endpoint: (*self.base).clone(), address: *address, lease: None };
                Ok(place)
            }
            Destination::Name(name) => {
                let limit = self.upstream.connect_timeout;
                Place::of_name(name, &self.base, limit, |address| has_failed(exchange, address)).await
            }
            Destination::Balanced(balancer) => {
                let balancer = Arc::clone(balancer);
                self.balanced(&balancer, exchange).await
            }
        }
    }

    async fn balanced(
        &mut self,
        balancer: &Arc<Balancer>,
        exchange: &mut Exchange,
    ) -> Result<Place, ProxyError> {
        let table = settled_table(balancer, self.upstream.connect_timeout).await;
        if let (None, Some(sources)) = (&self.key, table.hash()) {
            self.key = Some(hash_key::of(sources, exchange));
        }
        let key = self.key.as_deref().unwrap_or_default();
        let lease = balancer.pick(table, key, |address| has_failed(exchange, address));
        Place::of_target(lease.map_err(ProxyError::NoPeer)?, &self.base)
    }
}

/// What a Host names, without brackets.
fn host_without_port(host: &HeaderValue) -> &str {
    let name = exchange::host_without_port(host.to_str().unwrap_or_default());
    name.trim_start_matches('[').trim_end_matches(']')
}

fn has_failed(exchange: &Exchange, address: SocketAddr) -> bool {
    exchange.tries.iter().any(|attempt| attempt.failure.is_some() && attempt.address == address)
}

/// `host` or `host:port`, where a plugin sends the request: an upstream's name, an address, a host's name.
fn elsewhere<'a>(
    client: &Rc<Client>,
    changed: &str,
    upstream: &'a Upstream,
) -> (Cow<'a, Endpoint>, Cow<'a, Destination>) {
    let own = upstream.endpoint.port;
    let (host, port) = match changed.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().unwrap_or(own))
        }
        Some(_) | None => (changed, own),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let worker = &client.worker;
    let balancer = worker.snapshots.load().balancer(host).cloned();
    let destination = match (balancer, host.parse()) {
        (Some(balancer), _) => Destination::Balanced(balancer),
        (None, Ok(address)) => Destination::Address(SocketAddr::new(address, port)),
        (None, Err(_)) => Destination::Name(worker.name(host)),
    };
    let address = match destination {
        Destination::Address(address) => Some(address),
        Destination::Name(_) | Destination::Balanced(_) => None,
    };
    let endpoint = Endpoint { host: host.into(), port, address, ..upstream.endpoint.clone() };
    (Cow::Owned(endpoint), Cow::Owned(destination))
}
