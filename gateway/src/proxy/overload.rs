//! What a worker turns away when the process has more than it can do: early, cheaply, and with 503 and
//! `Retry-After`, so that what it has accepted is served well. When that is so: `pressure.rs`.

use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::error::ProxyError;
use super::worker::Worker;
use crate::config::Speaks;
use crate::task;
use crate::telemetry::Shed;

/// Connections that are told at once why they are turned away; more are closed without a word.
const MOST_TOLD: usize = 256;

/// How long such a connection is kept for its answer to arrive, and how much of its request is read.
const LINGER: Duration = Duration::from_secs(5);
const MOST_READ: u64 = 16 * 1024;

/// The answer for a connection that nobody will read from.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 29\r\nretry-after: 1\r\nconnection: close\r\n\r\nToo many connections for now\n";

impl Worker {
    /// Whether there is room for one more request, which has come `now`; counts it if there is not.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Overloaded`].
    pub(super) fn room(&self, now: Instant) -> Result<(), ProxyError> {
        let Some(reason) = self.pressure.reason(now) else { return Ok(()) };
        self.metrics.shed(reason);
        Err(ProxyError::Overloaded)
    }

    /// Turns a connection away that there is no room for, and tells it so if it is not encrypted.
    pub(super) fn turn_away(self: &Rc<Self>, stream: TcpStream, speaks: Speaks) {
        self.metrics.shed(Shed::Connections);
        if speaks.tls || self.pressure.told.get() >= MOST_TOLD {
            return;
        }
        self.pressure.told.set(self.pressure.told.get() + 1);
        let worker = Rc::clone(self);
        task::spawn_local("refusal", async move {
            answer_and_close(stream, REFUSAL).await;
            worker.pressure.told.set(worker.pressure.told.get().saturating_sub(1));
        });
    }
}

/// Answers once something has been asked: clients take an answer that comes before for a fault. A close over
/// unread bytes would be a reset, and might take the answer with it.
pub(super) async fn answer_and_close(stream: TcpStream, answer: &'static [u8]) {
    _ = tokio::time::timeout(LINGER, answer_and_read_on(stream, answer)).await;
}

async fn answer_and_read_on(mut stream: TcpStream, answer: &'static [u8]) -> std::io::Result<()> {
    // Not merely `readable`, which may come back before there is anything to read.
    let _what_it_asks = stream.read(&mut [0; 1024]).await?;
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MOST_READ), &mut tokio::io::sink()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_says_its_length() {
        let text = std::str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
    }
}
