//! The beginning of a connection: what a balancer in front says, the handshake of TLS, and which HTTP is spoken.
//!
//! A listener for plain HTTP/1.1 has none of it, and its connections pay for none of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::connection::{self, Client};
use super::deadline::{Deadline, Wait};
use super::listener::Accepted;
use super::worker::Worker;
use super::{http2, overload, proxy_protocol};
use crate::config::{RouterFlavor, Speaks};
use crate::exchange::TlsFacts;
use crate::telemetry::Handshake;
use crate::tls::{self, ServerStream};

/// How long a handshake may take. Those of real clients take round trips, not seconds.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// nginx's words for a client that speaks HTTP where TLS is spoken.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\ncontent-length: 220\r\n\
connection: close\r\n\r\n<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n\
<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n\
<center>The plain HTTP request was sent to HTTPS port</center>\r\n</body>\r\n</html>\r\n";

/// Where a connection comes from.
pub(super) struct Origin {
    /// Its other end.
    pub(super) peer: SocketAddr,
    /// The listener's port.
    pub(super) port: u16,
    /// Where the client connected to. The address is looked up where routes can ask for it only.
    pub(super) destination: SocketAddr,
    /// The client that a balancer has named.
    pub(super) named: Option<SocketAddr>,
    pub(super) tls: Option<Arc<TlsFacts>>,
}

/// Serves one connection from its first byte to its end.
pub(super) async fn serve(worker: Rc<Worker>, accepted: Accepted) {
    let Accepted { stream, peer, port, speaks, .. } = accepted;
    _ = stream.set_nodelay(true);
    let deadline = worker.deadlines.register();
    let destination = (Ipv4Addr::UNSPECIFIED, port).into();
    let mut origin = Origin { peer, port, destination, named: None, tls: None };
    if worker.settings.router_flavor == RouterFlavor::Expressions {
        origin.destination = stream.local_addr().unwrap_or(origin.destination);
    }
    if speaks == Speaks::default() {
        let client = Rc::new(Client::new(worker, origin, deadline));
        return connection::http1(client, stream).await;
    }
    // Boxed, so that what it needs makes no other connection larger.
    Box::pin(open(worker, stream, origin, (deadline, speaks))).await;
}

async fn open(
    worker: Rc<Worker>,
    mut stream: TcpStream,
    mut origin: Origin,
    (deadline, speaks): (Rc<Deadline>, Speaks),
) {
    if speaks.proxy_protocol {
        deadline.arm(Wait::Head, worker.settings.client_header_timeout);
        match deadline.bound(proxy_protocol::read(&mut stream)).await {
            Some(Ok(named)) => origin.named = named,
            Some(Err(error)) => {
                return tracing::debug!(peer = %origin.peer, %error, "a connection is not taken");
            }
            None => return,
        }
    }
    if !speaks.tls {
        let client = Rc::new(Client::new(worker, origin, deadline));
        return if speaks.http2 {
            connection::either(client, stream).await
        } else {
            connection::http1(client, stream).await
        };
    }
    let Some((stream, facts, is_http2)) = handshake(&worker, stream, (&deadline, speaks)).await else {
        return;
    };
    origin.tls = Some(Arc::new(facts));
    let client = Rc::new(Client::new(worker, origin, deadline));
    if is_http2 {
        http2::serve(client, stream).await;
    } else {
        connection::http1(client, stream).await;
    }
}

/// The connection under TLS, and whether HTTP/2 is spoken; `None` if there is no agreement, or not in time.
async fn handshake(
    worker: &Worker,
    stream: TcpStream,
    (deadline, speaks): (&Deadline, Speaks),
) -> Option<(ServerStream<TcpStream>, TlsFacts, bool)> {
    let acceptor = worker.tls.as_ref()?;
    let count = |outcome| worker.metrics.handshake(outcome);
    deadline.arm(Wait::Head, HANDSHAKE);
    let Some(is_plain) = deadline.bound(begins_as_text(&stream)).await else {
        count(Handshake::Late);
        return None;
    };
    if is_plain {
        count(Handshake::Plain);
        overload::answer_and_close(stream, PLAIN_HTTP).await;
        return None;
    }
    let Some(made) = deadline.bound(acceptor.accept(stream, speaks.http2)).await else {
        count(Handshake::Late);
        return None;
    };
    let stream = match made {
        Ok(stream) => stream,
        Err(error) => {
            count(Handshake::Failed);
            tracing::debug!(%error, "a handshake has failed");
            return None;
        }
    };
    let (facts, is_http2) = tls::settled(&stream);
    count(if facts.version == "TLSv1.2" { Handshake::Tls12 } else { Handshake::Tls13 });
    Some((stream, facts, is_http2))
}

/// Whether the first byte is a letter: the beginning of a request, and of no record of TLS.
async fn begins_as_text(stream: &TcpStream) -> bool {
    let mut first = [0];
    stream.peek(&mut first).await.is_ok_and(|length| length == 1) && first[0].is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_plain_http_says_its_length() {
        let text = std::str::from_utf8(PLAIN_HTTP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
