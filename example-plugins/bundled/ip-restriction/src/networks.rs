//! Sets of addresses, made of networks.

use std::net::IpAddr;

/// An address as it is compared: all of IPv4 lies before all of IPv6.
type Place = (bool, u128);

/// The addresses from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network {
    first: Place,
    last: Place,
}

/// Networks in order, none of which overlaps another: a look-up is a binary search, however many there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Networks(Vec<Network>);

impl Network {
    /// Reads an address or a network in CIDR notation. Bits behind the prefix are ignored, as in Kong.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(number(bits)?)),
            None => (text, None),
        };
        let written = address_of(address)?;
        let most = if written.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return None;
        }
        // `::ffff:10.0.0.0/104` means 10.0.0.0/8. A network that is larger than all of IPv4 stays what it is.
        let address = if written.is_ipv6() && bits < 96 { written } else { written.to_canonical() };
        let free = most - bits;
        let host_bits = u128::MAX.checked_shr(128 - free).unwrap_or(0);
        let (is_v6, place) = place_of(address);
        Some(Self { first: (is_v6, place & !host_bits), last: (is_v6, place | host_bits) })
    }
}

impl Networks {
    pub(crate) fn of(mut networks: Vec<Network>) -> Self {
        networks.sort_unstable();
        let mut merged: Vec<Network> = Vec::with_capacity(networks.len());
        for network in networks {
            match merged.last_mut().filter(|before| network.first <= before.last) {
                Some(before) => before.last = before.last.max(network.last),
                None => merged.push(network),
            }
        }
        Self(merged)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let place = place_of(address.to_canonical());
        let behind = self.0.partition_point(|network| network.first <= place);
        let nearest = behind.checked_sub(1).and_then(|at| self.0.get(at));
        nearest.is_some_and(|network| place <= network.last)
    }
}

fn place_of(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(ip) => (false, ip.to_bits().into()),
        IpAddr::V6(ip) => (true, ip.to_bits()),
    }
}

/// Kong takes IPv6 in brackets too.
fn address_of(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// Without a sign and without zeros in front.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(networks: &[&str], address: &str) -> bool {
        let networks = networks.iter().map(|text| Network::read(text).expect(text)).collect();
        Networks::of(networks).contain(address.parse().expect("an address"))
    }

    #[test]
    fn networks_have_the_addresses_that_begin_alike() {
        for (network, inside, outside) in [
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
            ("10.1.2.3/8", "10.255.255.255", "11.0.0.0"),
            ("10.1.2.128/25", "10.1.2.128", "10.1.2.127"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "10.0.0.1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"),
            ("fe80::1", "fe80::1", "fe80::2"),
            ("[fe80::1]", "fe80::1", "fe80::2"),
            ("[fe80::]/16", "fe80::2", "fe81::"),
            ("10.0.0.0/8", "::ffff:10.9.9.9", "::10.9.9.9"),
            ("::ffff:10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("::ffff:10.0.0.0/104", "10.200.0.1", "11.0.0.0"),
            ("::ffff:0:0/96", "192.0.2.1", "::1"),
        ] {
            assert!(has(&[network], inside), "{network} has {inside}");
            assert!(!has(&[network], outside), "{network} has not {outside}");
        }
    }

    #[test]
    fn networks_that_overlap_are_one() {
        let networks = ["10.0.0.0/24", "10.0.0.0/8", "10.0.0.7", "192.0.2.0/24", "::1", "10.0.0.0/25"];
        for inside in ["10.0.0.7", "10.200.0.1", "192.0.2.200", "::1", "10.255.255.255"] {
            assert!(has(&networks, inside), "{inside}");
        }
        for outside in ["9.255.255.255", "11.0.0.0", "192.0.3.0", "::2", "::", "0.0.0.0"] {
            assert!(!has(&networks, outside), "{outside}");
        }
        assert!(!has(&[], "10.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_not_read() {
        for text in [
            "",
            "hello",
            "10.0.0",
            "10.0.0.1/",
            "0.0.0.0/a",
            "0.0.0.0/-1",
            "0.0.0.0/33",
            "0.0.0.0/+8",
            "10.0.0.0/08",
            "010.0.0.1",
            "10.0.0.1 ",
            "::/a",
            "::/-1",
            "::/129",
            "::1/8/8",
            "[10.0.0.1]",
            "[::1",
            "fe80::1%eth0",
            "10.0.0.0/4294967297",
        ] {
            assert_eq!(Network::read(text), None, "{text:?}");
        }
    }
}
