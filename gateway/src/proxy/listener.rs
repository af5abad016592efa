//! The accept loop of one worker. Nothing in it waits for a client.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::opening;
use super::worker::Worker;
use crate::config::Speaks;
use crate::task;

/// How long to pause when the process is out of file descriptors or memory: others must end first.
const PAUSE: Duration = Duration::from_millis(50);

/// A listening socket of one worker.
#[derive(Debug)]
pub struct Socket {
    /// The socket itself.
    pub listener: std::net::TcpListener,
    /// What is spoken on it.
    pub speaks: Speaks,
}

/// A connection that has just come in.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    /// The listener's.
    pub(super) port: u16,
    pub(super) speaks: Speaks,
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

/// Accepts until the worker drains, then takes what the kernel has already accepted for us, and closes.
pub(super) async fn run(worker: Rc<Worker>, listener: TcpListener, speaks: Speaks) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    let accepted = |(stream, peer)| Accepted { stream, peer, port, speaks };
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
        return worker.turn_away(accepted.stream, accepted.speaks);
    };
    let worker = Rc::clone(worker);
    task::spawn_local("connection", async move {
        opening::serve(worker, accepted).await;
        drop(permit);
    });
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
