//! The Admin API over TLS: handshakes beside the accepting of others, each with a deadline.
//!
//! Clients that connect and say nothing hold nobody up: when there are too many handshakes at once, the one
//! that has taken longest gives way, of the address that has the most of them.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::task;
use crate::tls::{Acceptor, ServerStream};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once.
const HANDSHAKES: usize = 256;
/// Pause when the process is out of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

type Opened = (ServerStream<TcpStream>, SocketAddr);

/// Gives connections once their handshake is done.
pub(super) struct TlsListener {
    opened: mpsc::Receiver<Opened>,
    address: SocketAddr,
}

impl TlsListener {
    /// Begins to accept.
    ///
    /// # Errors
    ///
    /// The socket has no address.
    pub(super) fn start(listener: TcpListener, acceptor: Acceptor) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (give, opened) = mpsc::channel(1);
        task::spawn("admin handshakes", accept(listener, acceptor, give));
        Ok(Self { opened, address })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = ServerStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Opened {
        match self.opened.recv().await {
            Some(opened) => opened,
            // It accepts no more; the server ends by the drain.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Accepts until nobody takes the connections any more.
async fn accept(listener: TcpListener, acceptor: Acceptor, give: mpsc::Sender<Opened>) {
    let mut running = Running::default();
    loop {
        let accepted = tokio::select! {
            () = give.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let handshake = open(acceptor.clone(), (stream, peer), give.clone());
        let handshake = task::spawn("admin handshake", handshake);
        running.add(peer.ip().to_canonical(), handshake);
    }
}

async fn open(acceptor: Acceptor, (stream, peer): (TcpStream, SocketAddr), give: mpsc::Sender<Opened>) {
    match timeout(HANDSHAKE, acceptor.accept(stream, false)).await {
        Ok(Ok(stream)) => {
            // Handed over by a task of its own, which gives way to nobody any more.
            let handing_over = async move { give.send((stream, peer)).await.is_ok() };
            task::spawn("admin connection", handing_over);
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake of the Admin API has failed"),
        Err(_) => tracing::debug!(%peer, "a handshake of the Admin API took too long"),
    }
}

/// Handshakes under way, the longest first.
#[derive(Default)]
struct Running(VecDeque<(IpAddr, JoinHandle<Option<()>>)>);

impl Running {
    /// Adds one; if they are too many, another one ends.
    fn add(&mut self, address: IpAddr, handshake: JoinHandle<Option<()>>) {
        if self.0.len() >= HANDSHAKES {
            self.0.retain(|(_, handshake)| !handshake.is_finished());
        }
        if self.0.len() >= HANDSHAKES
            && let Some((_, longest)) = self.longest_of_the_greediest().and_then(|at| self.0.remove(at))
        {
            longest.abort();
        }
        self.0.push_back((address, handshake));
    }

    fn longest_of_the_greediest(&self) -> Option<usize> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for (address, _) in &self.0 {
            *counts.entry(*address).or_default() += 1;
        }
        let most = counts.values().max().copied()?;
        self.0.iter().position(|(address, _)| counts.get(address) == Some(&most))
    }
}
