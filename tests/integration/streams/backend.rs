//! Upstreams of streams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// Says its name first, then every byte again, and `.` when it has heard the end. Ends when dropped.
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Backend {
    pub(super) async fn start(name: &'static str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut streams = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                streams.spawn(echo(stream, name));
            }
        });
        Ok(Self { address, connections, _task: task })
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn echo(mut stream: TcpStream, name: &str) {
    let mut block = vec![0; 16 << 10];
    _ = stream.write_all(format!("{name}:").as_bytes()).await;
    loop {
        match stream.read(&mut block).await {
            Ok(0) => {
                _ = stream.write_all(b".").await;
                break;
            }
            Ok(length) if stream.write_all(&block[..length]).await.is_ok() => {}
            Ok(_) | Err(_) => break,
        }
    }
}

/// Answers every datagram with its name and the same bytes. Ends when dropped.
pub(super) struct Datagrams {
    pub(super) address: SocketAddr,
    _task: JoinSet<()>,
}

impl Datagrams {
    pub(super) async fn start(name: &'static str) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut block = vec![0; 1 << 16];
            while let Ok((length, peer)) = socket.recv_from(&mut block).await {
                answer(&socket, peer, name, &block[..length]).await;
            }
        });
        Ok(Self { address, _task: task })
    }
}

/// With the name before it; what does not fit into a datagram then comes back as it is.
async fn answer(socket: &UdpSocket, peer: SocketAddr, name: &str, bytes: &[u8]) {
    let named = [format!("{name}:").as_bytes(), bytes].concat();
    if socket.send_to(&named, peer).await.is_err() {
        _ = socket.send_to(bytes, peer).await;
    }
}
