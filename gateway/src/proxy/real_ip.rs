//! Who the caller is when trusted proxies stand in between (Kong's `trusted_ips`, `real_ip_header`).

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use super::connection::Client;

/// In place of a header: what the PROXY protocol says (Kong's and nginx's word).
const PROXY_PROTOCOL: &str = "proxy_protocol";

/// The caller's address. The direct peer's, unless that peer is trusted to name another.
pub(super) fn client(client: &Client, headers: &HeaderMap) -> SocketAddr {
    if !client.headers.trusted {
        return client.peer;
    }
    let settings = &client.worker.settings;
    if settings.real_ip_header == PROXY_PROTOCOL {
        return client.named.unwrap_or(client.peer);
    }
    let trusts = |ip: IpAddr| settings.trusted_ips.iter().any(|range| range.contains(ip));
    let values = headers.get_all(&settings.real_ip_header);
    let named: Vec<_> =
        values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    let mut found = client.peer;
    for text in named.into_iter().rev() {
        let Some(address) = address(text.trim()) else { break };
        found = address;
        if !settings.real_ip_recursive || !trusts(address.ip()) {
            break;
        }
    }
    found
}

fn address(text: &str) -> Option<SocketAddr> {
    let alone = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    alone.or_else(|_| text.parse()).ok()
}
