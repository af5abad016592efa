//! A stream on its way to its end, when it is logged and counted, however it ends.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;

use super::error::StreamError;
use crate::balancer::Lease;
use crate::client::ClientError;
use crate::exchange::StreamSession;
use crate::proxy::carry::Carried;
use crate::proxy::worker::Worker;
use crate::router::{StreamInput, Transport};
use crate::snapshot::RoutePlan;

/// A stream on its way to its end. Dropping it writes the access log and the metrics.
pub(super) struct Running {
    pub(super) worker: Rc<Worker>,
    pub(super) session: StreamSession,
    pub(super) carried: Rc<Cell<Carried>>,
    /// The target that it went to: it is busy until the stream is over.
    pub(super) lease: Option<Lease>,
}

impl Running {
    pub(super) fn new(worker: Rc<Worker>, session: StreamSession) -> Self {
        worker.metrics.stream_begun();
        Self { worker, session, carried: Rc::default(), lease: None }
    }

    /// A balancer in front says who the client is, and is believed if it is trusted (nginx's
    /// `set_real_ip_from`).
    pub(super) fn believe(&mut self, named: Option<SocketAddr>) {
        let peer = self.session.client.ip();
        let is_trusted = self.worker.settings.trusted_ips.iter().any(|range| range.contains(peer));
        if let Some(named) = named.filter(|_| is_trusted) {
            self.session.client = named;
        }
    }

    /// The route of the stream, in the configuration of this moment.
    pub(super) fn route(&mut self, transport: Transport) -> Result<Arc<RoutePlan>, StreamError> {
        let StreamSession { client, destination, server_name, .. } = &self.session;
        let sni = server_name.as_deref();
        let input = StreamInput { transport, source: *client, destination: *destination, sni };
        let plan = self.worker.snapshots.load().find_stream(&input).cloned().ok_or(StreamError::NoRoute)?;
        self.session.route = Some(Arc::clone(&plan.facts));
        Ok(plan)
    }

    /// It is not carried.
    pub(super) fn fail(&mut self, error: &StreamError) {
        self.session.status = error.status();
        self.session.error = Some(told(error).into());
        tracing::debug!(client = %self.session.client, %error, "a stream is not carried");
    }
}

/// IPv4 as such, also where it comes in by IPv6: rules of routes are written so.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// An error with what is behind it, where that says more.
fn told(error: &StreamError) -> String {
    let behind = std::error::Error::source(error).and_then(|source| source.downcast_ref::<ClientError>());
    match behind {
        Some(behind) => format!("{error}: {behind}"),
        None => error.to_string(),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Carried { bytes_in, bytes_out } = self.carried.get();
        let session = &mut self.session;
        (session.bytes_in, session.bytes_out, session.ended) = (bytes_in, bytes_out, Some(Instant::now()));
        self.worker.metrics.record_stream(session);
        self.worker.access_log.record_stream(session);
    }
}
