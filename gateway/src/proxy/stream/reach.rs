//! From a route to its upstream: a target, and another one if that cannot be reached.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::session::Running;
use crate::balancer::{HashSource, HashSources, Outcome};
use crate::client::{ClientError, Stream};
use crate::exchange::{StreamSession, Try};
use crate::proxy::error::ProxyError;
use crate::proxy::place::{Place, settled_table};
use crate::snapshot::{Destination, RoutePlan, Upstream};

/// The upstream of a route.
///
/// # Errors
///
/// [`ProxyError::NoService`].
pub(super) fn upstream(plan: &RoutePlan) -> Result<&Upstream, ProxyError> {
    plan.upstream.as_deref().ok_or(ProxyError::NoService)
}

/// Opens a connection to the upstream: as many attempts as the service says, each with another target as
/// long as there is one. Targets that do not answer count as failed (Kong's `tcp_failures`, `timeouts`).
///
/// # Errors
///
/// That of the last attempt.
pub(super) async fn connect(running: &mut Running, upstream: &Upstream) -> Result<Stream, ProxyError> {
    let mut failed = 0;
    loop {
        let place = next(&running.session, upstream).await?;
        let began = Instant::now();
        let opened =
            running.worker.connect.open(&place.endpoint, place.address, upstream.connect_timeout).await;
        note(running, place.address, began);
        let error = match opened {
            Ok(stream) => {
                if let Some(lease) = &place.lease {
                    let now = Instant::now();
                    lease.took(now.saturating_duration_since(began), now);
                    lease.report(Outcome::Connected);
                }
                reached(running, place);
                return Ok(stream);
            }
            Err(error) => error,
        };
        let late = matches!(error, ClientError::ConnectTimeout { .. });
        failed += 1;
        fail(running, &place, if late { Outcome::Timeout } else { Outcome::TcpFailure });
        if failed > upstream.retries {
            return Err(error.into());
        }
    }
}

/// The place of the next attempt: none that has failed, as long as there is another.
pub(super) async fn next(session: &StreamSession, upstream: &Upstream) -> Result<Place, ProxyError> {
    let limit = upstream.connect_timeout;
    let base = &upstream.endpoint;
    let has_failed = |address| has_failed(session, address);
    let mut place = match &upstream.destination {
        Destination::Address(address) => Place { endpoint: base.clone(), address: *address, lease: None },
        Destination::Name(name) => Place::of_name(name, base, limit, has_failed).await?,
        Destination::Balanced(balancer) => {
            let table = settled_table(balancer, limit).await;
            let key = table.hash().map(|sources| key(sources, session)).unwrap_or_default();
            let lease = balancer.pick(table, &key, has_failed).map_err(ProxyError::NoPeer)?;
            Place::of_target(lease, base)?
        }
    };
    if let Some(tls) = &mut place.endpoint.tls {
        // As in Kong: the client's own name if the route preserves it, else the target's.
        tls.name = preserved(session).unwrap_or_else(|| Arc::clone(&place.endpoint.host));
    }
    Ok(place)
}

fn preserved(session: &StreamSession) -> Option<Arc<str>> {
    let preserves = session.route.as_ref().is_some_and(|facts| facts.route.preserve_host);
    session.server_name.as_deref().filter(|_| preserves).map(Arc::from)
}

/// A connection has nothing but its address: what asks for anything else leaves it to the fallback.
fn key(sources: &HashSources, session: &StreamSession) -> Vec<u8> {
    let by_address =
        [&sources.on, &sources.fallback].into_iter().flatten().any(|source| *source == HashSource::Ip);
    if by_address { session.client.ip().to_string().into_bytes() } else { Vec::new() }
}

fn has_failed(session: &StreamSession, address: SocketAddr) -> bool {
    session.tries.iter().any(|attempt| attempt.failure.is_some() && attempt.address == address)
}

/// Notes an attempt.
pub(super) fn note(running: &mut Running, address: SocketAddr, began: Instant) {
    let (started_unix_ms, connect) = (running.worker.unix_ms(began), began.elapsed());
    running.session.tries.push(Try { address, started_unix_ms, connect, failure: None, code: None });
}

/// The attempt is the last: the target is there.
pub(super) fn reached(running: &mut Running, place: Place) {
    running.session.connected = Some(Instant::now());
    // In flight until the stream is over.
    running.lease = place.lease;
}

/// The attempt came to nothing.
pub(super) fn fail(running: &mut Running, place: &Place, outcome: Outcome) {
    failed(running);
    if let Some(lease) = &place.lease {
        lease.report(outcome);
    }
}

/// The target that datagrams went to does not take any.
pub(super) fn refused(running: &mut Running) {
    failed(running);
    if let Some(lease) = &running.lease {
        lease.report(Outcome::TcpFailure);
    }
}

fn failed(running: &mut Running) {
    if let Some(last) = running.session.tries.last_mut() {
        last.failure = Some("failed");
        last.code = Some(502);
    }
}
