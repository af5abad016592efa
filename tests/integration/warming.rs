//! Connections that are open before a request needs them (`upstream_keepalive_min_idle`).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_tests::{Authority, Gateway, Http2Client, TlsUpstream, Upstream, eventually};
use http::Method;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

use crate::setup::{PATIENCE, gateway};

/// Idle connections for each place.
const READY: usize = 2;

/// What stands before an upstream, and knows its connections.
struct Door {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Door {
    async fn before(upstream: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, accepted) = (listener.local_addr()?, Arc::<AtomicUsize>::default());
        let connections = Arc::<Mutex<Vec<AbortHandle>>>::default();
        let (count, known) = (Arc::clone(&accepted), Arc::clone(&connections));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let passing = tokio::spawn(pass(stream, upstream));
                known.lock().unwrap_or_else(PoisonError::into_inner).push(passing.abort_handle());
            }
        });
        Ok(Self { address, accepted, accepting, connections })
    }

    /// Waits until there were so many connections.
    async fn accepts(&self, what: &str, count: usize) -> anyhow::Result<()> {
        let enough = || async { self.accepted.load(Ordering::Relaxed) >= count };
        eventually(what, PATIENCE, enough).await?;
        Ok(())
    }

    /// Lets nobody in any more; who is in stays.
    async fn shut(&mut self) {
        self.accepting.abort();
        _ = (&mut self.accepting).await;
    }

    /// Closes all connections.
    fn cut(&self) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|one| one.abort());
    }
}

async fn pass(mut stream: TcpStream, upstream: SocketAddr) {
    let Ok(mut behind) = TcpStream::connect(upstream).await else { return };
    _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
}

async fn ready_gateway() -> anyhow::Result<Gateway> {
    let ready = gateway().set("WEIR_UPSTREAM_KEEPALIVE_MIN_IDLE", READY.to_string());
    ready.set("WEIR_WORKERS", "1").start().await
}

/// A route for `/name` to this place, with so many attempts after the first.
async fn serve(gateway: &Gateway, name: &str, url: &str, retries: u32) -> anyhow::Result<()> {
    let service = json!({ "url": url, "retries": retries });
    gateway.apply(Method::PUT, &format!("/services/{name}"), &service).await?;
    let route = json!({ "paths": [format!("/{name}")], "service": { "name": name } });
    gateway.apply(Method::PUT, &format!("/routes/{name}"), &route).await?;
    Ok(())
}

#[tokio::test]
async fn the_first_request_finds_a_connection_whatever_its_service_leads_to() -> anyhow::Result<()> {
    let gateway = ready_gateway().await?;
    let plain = Upstream::saying("fine").await?;
    let secure = TlsUpstream::start(&Authority::new("root")?.issue(&["secure.test"])?, None).await?;
    let mut doors = Vec::new();
    for (name, scheme, host, address) in [
        ("address", "http", "127.0.0.1", plain.address()),
        ("name", "http", "localhost", plain.address()),
        ("target", "http", "balanced", plain.address()),
        ("tls", "https", "127.0.0.1", secure.address()),
        ("tls-target", "https", "secure.test", secure.address()),
    ] {
        let door = Door::before(address).await?;
        if name.ends_with("target") {
            gateway.apply(Method::PUT, &format!("/upstreams/{host}"), &json!({})).await?;
            let target = json!({ "target": door.address.to_string() });
            gateway.apply(Method::POST, &format!("/upstreams/{host}/targets"), &target).await?;
        }
        // The name has an address of IPv6 as well, where nobody is.
        serve(&gateway, name, &format!("{scheme}://{host}:{}", door.address.port()), 1).await?;
        doors.push((name, door));
    }
    for (name, door) in &mut doors {
        door.accepts(&format!("{name}: connections without a request"), READY).await?;
        door.shut().await;
        let answer = gateway.get(&format!("/{name}"), &[]).await?;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    Ok(())
}

/// Many requests share a connection of HTTP/2, so that one is ready, however many are asked for.
#[tokio::test]
async fn one_connection_of_http2_is_ready() -> anyhow::Result<()> {
    let ready = gateway().listening("http2").set("WEIR_UPSTREAM_KEEPALIVE_MIN_IDLE", READY.to_string());
    let gateway = ready.set("WEIR_WORKERS", "1").start().await?;
    let upstream = TlsUpstream::start(&Authority::new("root")?.issue(&["localhost"])?, None).await?;
    let mut door = Door::before(upstream.address()).await?;
    let service = json!({ "url": format!("grpcs://{}", door.address), "retries": 0 });
    gateway.apply(Method::PUT, "/services/calls", &service).await?;
    let route = json!({ "paths": ["/calls"], "protocols": ["grpc", "grpcs"], "strip_path": false, "service": { "name": "calls" } });
    gateway.apply(Method::PUT, "/routes/calls", &route).await?;
    door.accepts("a connection without a request", 1).await?;
    // Two more looks at what is missing.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    door.shut().await;
    let headers = [("content-type", "application/grpc")];
    let answer = Http2Client::connect(gateway.proxy).await?.get("/calls", &headers).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(door.accepted.load(Ordering::Relaxed), 1);
    Ok(())
}

#[tokio::test]
async fn connections_that_are_closed_are_opened_again() -> anyhow::Result<()> {
    let gateway = ready_gateway().await?;
    let upstream = Upstream::saying("fine").await?;
    let mut door = Door::before(upstream.address()).await?;
    serve(&gateway, "a", &format!("http://{}", door.address), 0).await?;
    door.accepts("connections without a request", READY).await?;
    door.cut();
    door.accepts("as many again", 2 * READY).await?;
    door.shut().await;
    assert_eq!(gateway.get("/a", &[]).await?.status, 200);
    assert_eq!(upstream.seen().len(), 1);
    Ok(())
}

/// Many upstreams close what they were sent nothing on, just when a request comes.
#[tokio::test]
async fn one_that_died_meanwhile_counts_for_nothing() -> anyhow::Result<()> {
    let gateway = ready_gateway().await?;
    let upstream = Upstream::saying("fine").await?;
    let (listener, behind) = (TcpListener::bind("127.0.0.1:0").await?, upstream.address());
    let address = listener.local_addr()?;
    let accepted = Arc::<AtomicUsize>::default();
    tokio::spawn(first_ones_die(listener, Arc::clone(&accepted), behind));
    serve(&gateway, "a", &format!("http://{address}"), 0).await?;
    let enough = || async { accepted.load(Ordering::Relaxed) >= READY };
    eventually("connections without a request", PATIENCE, enough).await?;
    let answer = gateway.get("/a", &[]).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Ok(())
}

/// Passes connections on, but for the first ones: these end at the first byte.
async fn first_ones_die(listener: TcpListener, accepted: Arc<AtomicUsize>, behind: SocketAddr) {
    while let Ok((mut stream, _)) = listener.accept().await {
        if accepted.fetch_add(1, Ordering::Relaxed) < READY {
            tokio::spawn(async move { stream.read_u8().await });
        } else {
            tokio::spawn(pass(stream, behind));
        }
    }
}
