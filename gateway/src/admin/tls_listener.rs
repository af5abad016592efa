//! The Admin API over TLS: handshakes beside the accepting of others, each with a deadline.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use crate::task;
use crate::tls::{Acceptor, ServerStream};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once; others wait in the listen queue.
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
    let turns = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = give.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let (acceptor, give) = (acceptor.clone(), give.clone());
        task::spawn("admin handshake", async move {
            match timeout(HANDSHAKE, acceptor.accept(stream, false)).await {
                Ok(Ok(stream)) => _ = give.send((stream, peer)).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake of the Admin API has failed"),
                Err(_) => tracing::debug!(%peer, "a handshake of the Admin API took too long"),
            }
            drop(turn);
        });
    }
}
