//! Streams of datagrams: who sends from one address is one client, and has one session.
//!
//! A session has a socket of its own towards its upstream, so that what comes back is known to be for this
//! client; the answer leaves by the socket that the client sent to. It ends when nothing has passed for the
//! service's `read_timeout`. There are at most so many sessions; whoever has sent one datagram and nothing since gives
//! way to others (`newcomers`), and what else comes in is dropped, as a full network would.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::error::StreamError;
use super::flow::Flow;
use super::reach;
use super::session::{Running, canonical};
use crate::exchange::{Carrier, StreamSession};
use crate::proxy::worker::Worker;
use crate::router::Transport;
use crate::task;
use crate::telemetry::Shed;

/// More does not fit into a datagram.
const LONGEST: usize = 1 << 16;

/// How long a session may still wait for an answer when the process drains.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// How long to pause when the system is out of something.
const PAUSE: Duration = Duration::from_millis(50);

/// A socket and the sessions of those who send to it.
pub(super) struct Entrance {
    pub(super) worker: Rc<Worker>,
    pub(super) socket: UdpSocket,
    destination: SocketAddr,
    flows: RefCell<HashMap<SocketAddr, Rc<Flow>, RandomState>>,
    /// For one answer at a time, which is passed on before anybody else has a turn.
    pub(super) answer: RefCell<Box<[u8]>>,
}

/// Takes datagrams in until the worker drains.
pub(in crate::proxy) async fn datagrams(worker: Rc<Worker>, socket: UdpSocket) {
    let Ok(destination) = socket.local_addr() else { return };
    let entrance = Rc::new(Entrance {
        worker: Rc::clone(&worker),
        socket,
        destination: canonical(destination),
        flows: RefCell::default(),
        answer: RefCell::new(vec![0; LONGEST].into()),
    });
    let mut drain = pin!(worker.drain_begins());
    let mut datagram = vec![0; LONGEST];
    loop {
        let received = tokio::select! {
            biased;
            () = &mut drain => break,
            received = entrance.socket.recv_from(&mut datagram) => received,
        };
        match received {
            Ok((length, peer)) => entrance.take(peer, datagram.get(..length).unwrap_or_default()),
            Err(error) => {
                tracing::warn!(%error, "a datagram cannot be received");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    for flow in entrance.flows.borrow().values() {
        flow.hurry(LAST_ANSWER);
    }
}

impl Entrance {
    /// Passes a datagram on, in the session of its sender.
    fn take(self: &Rc<Self>, peer: SocketAddr, datagram: &[u8]) {
        if let Some(flow) = self.flows.borrow().get(&peer) {
            return flow.pass(datagram);
        }
        if self.worker.room(Instant::now()).is_err() {
            return;
        }
        let newcomers = &self.worker.newcomers;
        let Some(permit) = self.worker.udp_permit().or_else(|| newcomers.give_way()) else {
            return self.worker.metrics.shed(Shed::UdpSessions);
        };
        let flow = Rc::new(Flow::new(self.worker.deadlines.register(), permit));
        newcomers.add(&flow, self.worker.max_udp_sessions);
        flow.pass(datagram);
        self.flows.borrow_mut().insert(peer, Rc::clone(&flow));
        let known = Known { entrance: Rc::clone(self), peer };
        task::spawn_local("datagrams", async move {
            let mut running = Running::new(Rc::clone(&known.entrance.worker), known.begin());
            running.carried = Rc::clone(&flow.carried);
            if let Err(error) = known.carry(&mut running, &flow).await {
                running.fail(&error);
            }
            drop(running);
        });
    }
}

/// A session that datagrams of its client go to until this is dropped.
struct Known {
    entrance: Rc<Entrance>,
    peer: SocketAddr,
}

impl Known {
    fn begin(&self) -> StreamSession {
        let now = Instant::now();
        let began = (now, self.entrance.worker.unix_ms(now));
        StreamSession::begin(Carrier::Udp, canonical(self.peer), self.entrance.destination, began)
    }

    async fn carry(&self, running: &mut Running, flow: &Flow) -> Result<(), StreamError> {
        let plan = running.route(Transport::Udp)?;
        let upstream = reach::upstream(&plan)?;
        flow.open(running, upstream).await?;
        flow.answers(&self.entrance, self.peer).await.map_err(|error| {
            reach::refused(running);
            StreamError::Refused(error)
        })
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.entrance.flows.borrow_mut().remove(&self.peer);
    }
}

/// A socket from which datagrams go to `address` and nowhere else.
pub(super) async fn towards(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if address.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}
