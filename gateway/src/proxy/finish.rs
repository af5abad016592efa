//! The end of an exchange: whoever drops the last of it has it logged, also when a client leaves early.

use std::rc::Rc;
use std::sync::Arc;

use http::StatusCode;
use tokio::time::Instant;

use super::connection::Client;
use crate::balancer::Lease;
use crate::exchange::{Exchange, ResponseHead};
use crate::plugin_host::{Assignment, Chain, Run};
use crate::task;

/// What nginx and Kong write for a client that left before it was answered.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// An exchange on its way to its end. Dropping it runs the log phase, the metrics and the access log.
pub(super) struct Ending {
    pub(super) client: Rc<Client>,
    pub(super) running: Option<Running>,
    /// The target that answers: it is busy until the exchange is over.
    pub(super) lease: Option<Lease>,
}

/// The parts of an exchange that plugins are called with.
pub(super) struct Running {
    pub(super) exchange: Box<Exchange>,
    pub(super) chain: Arc<Chain>,
    pub(super) run: Run,
}

impl Ending {
    pub(super) fn new(client: Rc<Client>, running: Running) -> Self {
        Self { client, running: Some(running), lease: None }
    }

    /// The exchange; `None` while a plugin call has it.
    pub(super) fn exchange(&mut self) -> Option<&mut Exchange> {
        self.running.as_mut().map(|running| running.exchange.as_mut())
    }

    /// The function that answers, if there is one.
    pub(super) fn function(&mut self) -> Option<Arc<Assignment>> {
        let Running { exchange, chain, run } = self.running.as_mut()?;
        chain.function(run, exchange)
    }

    /// Waits with what is sent next until the other exchanges that are ready have got as far. Between two that call
    /// plugins the other side would else have time to fall asleep, and to wake it costs more than a plugin does.
    pub(super) async fn gather(&self) {
        if self.running.as_ref().is_some_and(|running| !running.chain.is_empty()) {
            task::after_others().await;
        }
    }

    /// Counts bytes of the response body.
    pub(super) fn count_out(&mut self, bytes: usize) {
        if let Some(running) = &mut self.running {
            running.exchange.bytes_out += bytes as u64;
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.client.idle();
        let Some(Running { mut exchange, chain, mut run }) = self.running.take() else { return };
        exchange.timing.ended = Some(Instant::now());
        exchange.bytes_in += self.client.take_bytes_in();
        if exchange.response.is_none() {
            let status = StatusCode::from_u16(CLIENT_CLOSED_REQUEST).unwrap_or(StatusCode::BAD_REQUEST);
            exchange.response =
                Some(ResponseHead { status, headers: http::HeaderMap::new(), upstream_status: None });
        }
        let worker = &self.client.worker;
        worker.metrics.record(&exchange, chain.counted_consumer(&mut run, &exchange));
        worker.access_log.record(&exchange);
        chain.on_log(&worker.instances, &mut run, &exchange);
    }
}
