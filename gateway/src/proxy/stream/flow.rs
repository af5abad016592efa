//! What one client sends and gets by UDP.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::error::StreamError;
use super::reach;
use super::session::Running;
use super::udp::{Entrance, towards};
use crate::balancer::Outcome;
use crate::client::ClientError;
use crate::proxy::carry::Carried;
use crate::proxy::deadline::{Deadline, Wait};
use crate::proxy::worker::UdpPermit;
use crate::snapshot::Upstream;

/// Datagrams that are held until it is known where they go, and their bytes. What is more is dropped.
const MOST_HELD: usize = 16;
const MOST_HELD_BYTES: usize = 1 << 16;

/// One client, and the socket towards its upstream.
pub(super) struct Flow {
    way: RefCell<Way>,
    deadline: Rc<Deadline>,
    idle: Cell<Duration>,
    refused: Cell<Option<io::ErrorKind>>,
    datagrams: Cell<u8>,
    /// Until the session is over, or gives way to another.
    permit: Cell<Option<UdpPermit>>,
    pub(super) carried: Rc<Cell<Carried>>,
}

enum Way {
    /// It is not known yet.
    Held(Vec<Box<[u8]>>),
    /// It goes on.
    Open(Rc<UdpSocket>),
}

impl Flow {
    pub(super) fn new(deadline: Rc<Deadline>, permit: UdpPermit) -> Self {
        Self {
            way: RefCell::new(Way::Held(Vec::new())),
            deadline,
            idle: Cell::new(Duration::MAX),
            refused: Cell::default(),
            datagrams: Cell::new(0),
            permit: Cell::new(Some(permit)),
            carried: Rc::default(),
        }
    }

    /// Passes a datagram of the client on, or holds it. Never waits.
    pub(super) fn pass(&self, datagram: &[u8]) {
        self.datagrams.set(self.datagrams.get().saturating_add(1));
        match &mut *self.way.borrow_mut() {
            Way::Held(held) => {
                let bytes: usize = held.iter().map(|one| one.len()).sum();
                if held.len() < MOST_HELD && bytes + datagram.len() <= MOST_HELD_BYTES {
                    held.push(datagram.into());
                }
            }
            Way::Open(socket) => match socket.try_send(datagram) {
                Ok(_) => self.passed(datagram.len(), 0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    self.refused.set(Some(error.kind()));
                    self.hurry(Duration::ZERO);
                }
            },
        }
    }

    /// Whether its client has sent one datagram and no more.
    pub(super) fn is_newcomer(&self) -> bool {
        self.datagrams.get() < 2
    }

    /// Whether nothing has passed for a second.
    pub(super) fn is_quiet(&self) -> bool {
        self.deadline.is_quiet()
    }

    /// Ends now, and leaves its room to another.
    pub(super) fn leave(&self) -> Option<UdpPermit> {
        self.deadline.expire();
        self.permit.take()
    }

    /// It may be idle for so long at most from now on.
    pub(super) fn hurry(&self, limit: Duration) {
        self.idle.set(self.idle.get().min(limit));
        self.deadline.arm(Wait::Idle, self.idle.get());
    }

    fn passed(&self, bytes_in: usize, bytes_out: usize) {
        let before = self.carried.get();
        self.carried.set(Carried {
            bytes_in: before.bytes_in + bytes_in as u64,
            bytes_out: before.bytes_out + bytes_out as u64,
        });
        self.deadline.arm(Wait::Idle, self.idle.get());
    }

    /// Finds a target, and sends what was held.
    pub(super) async fn open(&self, running: &mut Running, upstream: &Upstream) -> Result<(), StreamError> {
        let place = reach::next(&running.session, upstream).await?;
        let began = Instant::now();
        let opened = towards(place.address).await;
        reach::note(running, place.address, began);
        let socket = match opened {
            Ok(socket) => Rc::new(socket),
            Err(source) => {
                reach::fail(running, &place, Outcome::TcpFailure);
                let address = place.address;
                return Err(StreamError::Unreached(ClientError::Connect { address, source }.into()));
            }
        };
        reach::reached(running, place);
        self.idle.set(self.idle.get().min(upstream.read_timeout));
        loop {
            let held = match &mut *self.way.borrow_mut() {
                Way::Held(held) if !held.is_empty() => std::mem::take(held),
                way @ Way::Held(_) => {
                    *way = Way::Open(socket);
                    return Ok(());
                }
                Way::Open(_) => return Ok(()),
            };
            for datagram in held {
                // One that cannot be sent is lost, as any may be.
                let sent = socket.send(&datagram).await.unwrap_or(0);
                self.passed(sent, 0);
            }
        }
    }

    /// Passes answers on until there has been nothing for too long.
    ///
    /// # Errors
    ///
    /// If nobody takes datagrams there.
    pub(super) async fn answers(&self, entrance: &Entrance, peer: SocketAddr) -> io::Result<()> {
        let socket = match &*self.way.borrow() {
            Way::Open(socket) => Rc::clone(socket),
            Way::Held(_) => return Ok(()),
        };
        self.deadline.arm(Wait::Idle, self.idle.get());
        let either = Interest::READABLE | Interest::ERROR;
        while let Some(ready) = self.deadline.bound(socket.ready(either)).await.transpose()? {
            if !ready.is_readable() {
                refusal(&socket)?;
                continue;
            }
            let mut answer = entrance.answer.borrow_mut();
            let length = match socket.try_recv(&mut answer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            // A client whose socket is full loses it, as it would without us.
            _ = entrance.socket.try_send_to(answer.get(..length).unwrap_or_default(), peer);
            self.passed(0, length);
        }
        self.refused.get().map_or(Ok(()), |kind| Err(kind.into()))
    }
}

/// What the system has heard from the other side's (ICMP), which is no reading: it must be asked for.
fn refusal(socket: &UdpSocket) -> io::Result<()> {
    let refused = socket.take_error()?;
    // It is known now, and must not be told again.
    _ = socket.try_io(Interest::ERROR, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    refused.map_or(Ok(()), Err)
}
