//! The accept loop of one worker. Nothing in it waits for a client.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::worker::Worker;
use super::{opening, stream};
use crate::config::Speaks;
use crate::task;
use crate::telemetry::Shed;

/// How long to pause when the process is out of file descriptors or memory: others must end first.
const PAUSE: Duration = Duration::from_millis(50);

/// A socket of one worker that clients come in by.
#[derive(Debug)]
pub enum Socket {
    /// By connections.
    Connections {
        /// The socket itself.
        listener: std::net::TcpListener,
        /// What is done with them.
        serves: Serves,
        /// What is spoken on it.
        speaks: Speaks,
    },
    /// By datagrams, which are streams.
    Datagrams(std::net::UdpSocket),
}

/// What is done with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// Requests are read from them.
    Requests,
    /// They are passed on unread.
    Streams,
}

impl Socket {
    /// Another handle on the same socket.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn copy(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Connections { listener, .. } => listener.try_clone().map(OwnedFd::from),
            Self::Datagrams(socket) => socket.try_clone().map(OwnedFd::from),
        }
    }
}

/// A connection that has just come in.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    /// The listener's.
    pub(super) port: u16,
    pub(super) speaks: Speaks,
    serves: Serves,
}

/// Opens a socket that shares its port with those of the other workers. The kernel holds up to
/// `backlog` connections until they are accepted.
///
/// # Errors
///
/// What the system says: the port is in use, or may not be bound.
pub fn bind(address: SocketAddr, backlog: u32) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(backlog)?.into_std()
}

/// Opens a socket for datagrams, which shares its port as well.
///
/// # Errors
///
/// As [`bind`].
pub fn bind_datagrams(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    rustix::net::sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket.into())
}

/// Accepts until the worker drains, then takes what the kernel has already accepted for us, and closes.
pub(super) async fn run(worker: Rc<Worker>, listener: TcpListener, serves: Serves, speaks: Speaks) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    let accepted = |(stream, peer)| Accepted { stream, peer, port, speaks, serves };
    loop {
        tokio::select! {
            biased;
            () = worker.drain_begins() => break,
            connection = listener.accept() => match connection {
                Ok(connection) => admit(&worker, accepted(connection)),
                Err(error) => after(error).await,
            },
        }
    }
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Ok(connection)) = listener.poll_accept(&mut cx) {
        admit(&worker, accepted(connection));
    }
}

fn admit(worker: &Rc<Worker>, accepted: Accepted) {
    let Some(permit) = worker.connection_permit() else {
        return match accepted.serves {
            Serves::Requests => worker.turn_away(accepted.stream, accepted.speaks),
            Serves::Streams => worker.metrics.shed(Shed::Connections),
        };
    };
    let worker = Rc::clone(worker);
    match accepted.serves {
        Serves::Requests => task::spawn_local("connection", async move {
            opening::serve(worker, accepted).await;
            drop(permit);
        }),
        Serves::Streams => task::spawn_local("stream", async move {
            stream::serve(worker, accepted).await;
            drop(permit);
        }),
    };
}

/// One connection's trouble is over with that connection; the process's trouble needs a pause.
async fn after(error: io::Error) {
    let of_one =
        [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused];
    if !of_one.contains(&error.kind()) {
        tracing::warn!(%error, "accept failed");
        tokio::time::sleep(PAUSE).await;
    }
}
