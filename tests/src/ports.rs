//! Ports for servers that are started by their number.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::Context as _;

/// Below the ports that Linux takes for connections and for listeners that name none (32 768 to 60 999 unless set
/// otherwise): one of those may be taken by anything between the moment it is chosen and the start of its server.
const FIRST: u16 = 16_000;
const COUNT: u16 = 16_000;

/// A port of the loopback that nothing listens on, and that is given to nobody else in this process.
///
/// # Errors
///
/// If there is none.
pub fn free_port() -> anyhow::Result<SocketAddr> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Processes that run side by side begin in different places.
    let start = std::process::id().wrapping_mul(997);
    for _ in 0..COUNT {
        let nth = start.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed).into()) % u32::from(COUNT);
        let port = FIRST + u16::try_from(nth).context("below the count")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return Ok(address);
        }
    }
    anyhow::bail!("no port is free from {FIRST} on")
}
