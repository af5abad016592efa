//! A TCP relay that can be told to misbehave, between a gateway and its database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What becomes of bytes, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// They pass.
    Up,
    /// They go nowhere, and nobody is told: connections stay open, new ones are accepted.
    Cut,
    /// They pass, each piece five seconds later.
    Slow,
}

/// A running relay; ends when dropped.
pub struct Relay {
    address: SocketAddr,
    link: Arc<AtomicU8>,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Relays to `target`.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn to(target: (&'static str, u16)) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, link) = (listener.local_addr()?, Arc::new(AtomicU8::new(0)));
        let shared = Arc::clone(&link);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut streams = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                streams.spawn(join(client, target, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, link, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a database at the target, by way of this relay.
    pub fn url(&self, url: &str) -> String {
        let (user, rest) = url.split_once('@').unwrap_or(("postgres://weir", url));
        let (_, name) = rest.split_once('/').unwrap_or_default();
        format!("{user}@{}/{name}", self.address)
    }

    /// From now on bytes fare like this.
    pub fn set(&self, link: Link) {
        let number = match link {
            Link::Up => 0,
            Link::Cut => 1,
            Link::Slow => 2,
        };
        self.link.store(number, Ordering::SeqCst);
    }
}

async fn join(client: TcpStream, target: (&'static str, u16), link: Arc<AtomicU8>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let ((from, to), (back, out)) = (client.into_split(), server.into_split());
    tokio::join!(carry(from, out, Arc::clone(&link)), carry(back, to, link));
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, link: Arc<AtomicU8>) {
    let mut block = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut block).await {
        match link.load(Ordering::SeqCst) {
            // What was lost once would break the protocol later: such a connection stays silent for good.
            1 => return std::future::pending().await,
            2 => tokio::time::sleep(Duration::from_secs(5)).await,
            _ => {}
        }
        let Some(bytes) = block.get(..length) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
