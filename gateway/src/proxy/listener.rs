//! The accept loop of one worker. Nothing in it waits for a client.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

use super::connection;
use super::worker::Worker;
use crate::task;

/// How long to pause when the process is out of file descriptors or memory: others must end first.
const PAUSE: Duration = Duration::from_millis(50);

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
pub(super) async fn run(worker: Rc<Worker>, listener: TcpListener) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    loop {
        tokio::select! {
            biased;
            () = worker.drain_begins() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(&worker, stream, peer, port),
                Err(error) => after(error).await,
            },
        }
    }
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Ok((stream, peer))) = listener.poll_accept(&mut cx) {
        admit(&worker, stream, peer, port);
    }
}

fn admit(worker: &Rc<Worker>, stream: tokio::net::TcpStream, peer: SocketAddr, port: u16) {
    let Some(permit) = worker.connection_permit() else { return worker.turn_away(stream) };
    let worker = Rc::clone(worker);
    task::spawn_local("connection", async move {
        connection::serve(worker, stream, peer, port).await;
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
