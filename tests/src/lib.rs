//! The harness of the scenario tests: a real gateway process, scripted upstreams, a client with
//! short words, a load generator. It knows the gateway only from outside.

mod authority;
mod client;
mod database;
mod disk;
mod dns;
mod fuzz;
mod gateway;
mod http2;
mod load;
mod metadata;
mod pace;
mod ports;
mod redis;
mod registry;
mod relay;
mod tls_upstream;
mod upstream;

pub use authority::{Authority, Issued};
pub use client::{Answer, Client, request};
pub use database::Postgres;
pub use disk::SmallDisk;
pub use dns::{DnsServer, Reply, Rr};
pub use fuzz::fuzz;
pub use gateway::{Database, Gateway, GatewayBuilder};
pub use http2::{Frame, Framer, Http2Client, Upload, frame, literals, status, unannounced, upload};
pub use load::{Load, LoadReport, percentile};
pub use metadata::named;
pub use pace::{Pace, PaceReport, Paced, Pacing};
pub use ports::free_port;
pub use redis::Redis;
pub use registry::{Access, Registry};
pub use relay::{Link, Relay};
pub use tls_upstream::{Handshake, TlsUpstream, der};
pub use upstream::{Seen, Upstream};

use std::time::Duration;

/// Polls `holds` until it is true.
///
/// # Errors
///
/// The words of `what`, if it does not hold within `limit`.
pub async fn eventually<F>(
    what: &str,
    limit: Duration,
    mut holds: impl FnMut() -> F,
) -> anyhow::Result<Duration>
where
    F: Future<Output = bool>,
{
    let began = std::time::Instant::now();
    loop {
        if holds().await {
            return Ok(began.elapsed());
        }
        anyhow::ensure!(began.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
