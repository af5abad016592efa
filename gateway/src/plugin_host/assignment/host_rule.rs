//! Which hosts a plugin may send requests to: names are matched here, addresses when resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One allowed host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostRule {
    /// Lower-case name or address; `*.` at the front stands for one or more labels.
    host: String,
    /// Any port if absent.
    port: Option<u16>,
    /// Addresses that are not public may answer for this host.
    private: bool,
}

impl HostRule {
    /// Reads `host`, `host:port`, `*.example.com` or a URL, of which host and port count.
    ///
    /// An address is allowed as written. A name may stand for a private address only if `private`.
    pub(crate) fn parse(text: &str, private: bool) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
        let (host, port) = split_port(authority)?;
        let default = match scheme {
            Some("http") => Some(80),
            Some("https") => Some(443),
            Some(_) => return None,
            None => None,
        };
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let usable = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
        usable.then(|| Self {
            host: host.to_ascii_lowercase(),
            port: port.or(default),
            private: private || literal,
        })
    }

    /// Whether this rule speaks of `host` and `port`.
    pub(crate) fn matches(&self, host: &str, port: u16) -> bool {
        let name = match self.host.strip_prefix("*.") {
            Some(domain) => {
                let cut = host.len().saturating_sub(domain.len() + 1);
                host.is_char_boundary(cut)
                    && host.len() > domain.len() + 1
                    && host
                        .split_at(cut)
                        .1
                        .strip_prefix('.')
                        .is_some_and(|end| end.eq_ignore_ascii_case(domain))
            }
            None => self.host.eq_ignore_ascii_case(host),
        };
        name && self.port.is_none_or(|only| only == port)
    }

    /// Whether `address` may answer for a host of this rule.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        self.private || is_public(address)
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => Some((host, Some(port.parse().ok()?))),
        Some(_) | None => Some((authority, None)),
    }
}

/// Whether an address is one of the open internet: not of this machine, a private network, a
/// link, a group, or set aside (RFC 6890). IPv6 forms of IPv4 addresses count as what they hold.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => embedded_v4(address).map_or_else(|| is_public_v6(address), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (18..20).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    !(a == 0
        || a >= 224
        || shared
        || benchmark
        || protocol
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is global unicast; documentation and Teredo lie within it.
    (first & 0xe000) == 0x2000 && !(first == 0x2001 && (second == 0xdb8 || second == 0))
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let tail = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff | 0) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(tail),
        (0x2002, ..) => Some(Ipv4Addr::from((u32::from(b) << 16) | u32::from(c))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_names_and_ports() {
        for (rule, host, port, want) in [
            ("example.com", "EXAMPLE.com", 8080, true),
            ("example.com:443", "example.com", 80, false),
            ("https://user:pw@logs.example.com/in?x", "logs.example.com", 443, true),
            ("http://logs.example.com/in", "logs.example.com", 443, false),
            ("*.example.com", "a.b.example.com", 1, true),
            ("*.example.com", "example.com", 1, false),
            ("*.example.com", "badexample.com", 1, false),
            ("http://[::1]:9000/", "[::1]", 9000, true),
        ] {
            let parsed = HostRule::parse(rule, false).unwrap();
            assert_eq!(parsed.matches(host, port), want, "{rule} for {host}:{port}");
        }
        assert!(HostRule::parse("ftp://example.com", false).is_none(), "other schemes");
    }

    #[test]
    fn private_addresses_are_closed_in_every_spelling() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
