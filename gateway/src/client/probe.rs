//! A look at whether somebody answers: one connection, at most one request, and its status.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{ClientError, Connect, Endpoint, ExchangeError};

/// A status line is shorter.
const LONGEST_LINE: usize = 1024;

impl Connect {
    /// Connects to `address` and, if there is a `request`, sends it and reads the status of the answer; the
    /// connection is closed. All of it within `limit`.
    ///
    /// # Errors
    ///
    /// [`ClientError::ConnectTimeout`] if the time is up, whatever was waited for; others as of connecting.
    pub async fn probe(
        &self,
        endpoint: &Endpoint,
        address: SocketAddr,
        request: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Option<u16>, ClientError> {
        let ask = async {
            let mut stream = self.open(endpoint, address, limit).await?;
            let Some(request) = request else { return Ok(None) };
            let broken = |source| ClientError::Connect { address, source };
            stream.write_all(request).await.map_err(broken)?;
            stream.flush().await.map_err(broken)?;
            status(&mut stream).await.map(Some)
        };
        timeout(limit, ask).await.map_err(|_| ClientError::ConnectTimeout { address, limit })?
    }
}

async fn status(stream: &mut (impl AsyncRead + Unpin)) -> Result<u16, ClientError> {
    let mut line = Vec::new();
    let mut chunk = [0; 256];
    let is_whole = |line: &[u8]| line.contains(&b'\n');
    while !is_whole(&line) && line.len() < LONGEST_LINE {
        let read = stream.read(&mut chunk).await.map_err(|error| ClientError::Response(error.into()))?;
        line.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if read == 0 {
            break;
        }
    }
    let text = line.strip_prefix(b"HTTP/").and_then(|rest| rest.get(4..7));
    let status = text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    status.ok_or(ClientError::Response(ExchangeError::Malformed("no status line")))
}
