//! The life of one connection that is passed on: whose it is, where it goes, whose TLS it is, bytes.

use std::rc::Rc;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::error::StreamError;
use super::session::{Running, canonical};
use super::{hello, reach};
use crate::config::Speaks;
use crate::exchange::{Carrier, StreamSession};
use crate::model::Protocol;
use crate::proxy::carry::carry;
use crate::proxy::deadline::{Deadline, Wait};
use crate::proxy::early::Early;
use crate::proxy::listener::Accepted;
use crate::proxy::opening::HANDSHAKE;
use crate::proxy::proxy_protocol;
use crate::proxy::sleep::{OverSocket, left};
use crate::proxy::worker::Worker;
use crate::router::Transport;
use crate::snapshot::RoutePlan;
use crate::tls::{self, ServerStream};

/// Serves one connection from its first byte to its end.
pub(in crate::proxy) async fn serve(worker: Rc<Worker>, accepted: Accepted) {
    let Accepted { stream, peer, speaks, .. } = accepted;
    _ = stream.set_nodelay(true);
    let destination = canonical(stream.local_addr().unwrap_or(peer));
    let (deadline, now) = (worker.deadlines.register(), Instant::now());
    let began = (now, worker.unix_ms(now));
    let session = StreamSession::begin(Carrier::Tcp, canonical(peer), destination, began);
    let mut running = Running::new(worker, session);
    if let Err(error) = open(&mut running, stream, speaks, &deadline).await {
        running.fail(&error);
    }
}

async fn open(
    running: &mut Running,
    mut stream: TcpStream,
    speaks: Speaks,
    deadline: &Deadline,
) -> Result<(), StreamError> {
    running.worker.room(Instant::now())?;
    deadline.arm(Wait::Head, running.worker.settings.client_header_timeout);
    if speaks.proxy_protocol {
        let named = in_time(deadline, proxy_protocol::read(&mut stream)).await??;
        running.believe(named);
    }
    if !speaks.tls {
        let plan = running.route(Transport::Tcp)?;
        return forward(running, stream, &plan, deadline).await;
    }
    let hello = in_time(deadline, hello::read(&mut stream)).await??;
    running.session.server_name = hello.name;
    // Kong's rule: without a name it is routed as if it were plain.
    let transport = if running.session.server_name.is_some() { Transport::Tls } else { Transport::Tcp };
    let plan = running.route(transport)?;
    let stream = Early::new(hello.bytes, stream);
    let protocols = &plan.facts.route.protocols;
    if protocols.contains(&Protocol::Tls) {
        running.session.carrier = Carrier::Tls;
        let stream = terminate(running, stream, deadline).await?;
        forward(running, stream, &plan, deadline).await
    } else if protocols.contains(&Protocol::TlsPassthrough) {
        running.session.carrier = Carrier::TlsPassthrough;
        forward(running, stream, &plan, deadline).await
    } else {
        Err(StreamError::NotForTls)
    }
}

async fn in_time<F: Future>(deadline: &Deadline, work: F) -> Result<F::Output, StreamError> {
    deadline.bound(work).await.ok_or(StreamError::Late)
}

/// Ends the client's TLS with the certificate for its name.
async fn terminate<S: OverSocket>(
    running: &mut Running,
    stream: S,
    deadline: &Deadline,
) -> Result<ServerStream<S>, StreamError> {
    let acceptor = running.worker.tls.clone().ok_or(StreamError::NotForTls)?;
    deadline.arm(Wait::Head, HANDSHAKE);
    let stream = in_time(deadline, acceptor.accept_any(stream)).await?.map_err(StreamError::Handshake)?;
    running.session.tls = Some(tls::settled(&stream).0);
    Ok(stream)
}

/// Carries the connection to the upstream of its route.
async fn forward<S: OverSocket>(
    running: &mut Running,
    stream: S,
    plan: &RoutePlan,
    deadline: &Deadline,
) -> Result<(), StreamError> {
    deadline.disarm();
    let upstream = reach::upstream(plan)?;
    let mut there = tokio::select! {
        biased;
        there = reach::connect(running, upstream) => there?,
        () = left(stream.socket(), upstream.connect_timeout) => return Err(StreamError::Left),
    };
    let carried = Rc::clone(&running.carried);
    carry(stream, &mut there, (deadline, upstream.read_timeout), &carried).await;
    Ok(())
}
