//! A range of IP addresses in CIDR form.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of IP addresses: `10.0.0.0/8`, `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    bits: u128,
    mask: u128,
    v4: bool,
}

/// The text is not a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an IP address or a range such as 10.0.0.0/8")]
pub struct BadRange(String);

impl AddressRange {
    /// Whether `address` lies in the range. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, v4) = spread(address.to_canonical());
        v4 == self.v4 && bits & self.mask == self.bits
    }
}

/// The bits of an address, from the top.
fn spread(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

impl FromStr for AddressRange {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        let bad = || BadRange(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let (bits, v4) = spread(address.parse().map_err(|_| bad())?);
        let full = if v4 { 32 } else { 128 };
        let length = length.unwrap_or(full);
        if length > full {
            return Err(bad());
        }
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        Ok(Self { bits: bits & mask, mask, v4 })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.mask.leading_ones();
        if self.v4 {
            let [a, b, c, d, ..] = self.bits.to_be_bytes();
            write!(f, "{a}.{b}.{c}.{d}/{length}")
        } else {
            write!(f, "{}/{length}", std::net::Ipv6Addr::from_bits(self.bits))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses() {
        for (case, range, address, want) in [
            ("inside", "10.0.0.0/8", "10.9.8.7", true),
            ("outside", "10.0.0.0/8", "11.0.0.0", false),
            ("host bits are ignored", "10.1.2.3/8", "10.9.9.9", true),
            ("one address", "127.0.0.1", "127.0.0.1", true),
            ("everything of one family", "0.0.0.0/0", "8.8.8.8", true),
            ("but not the other family", "0.0.0.0/0", "2001:db8::1", false),
            ("mapped", "10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("v6", "2001:db8::/32", "2001:db8:ffff::1", true),
        ] {
            let range: AddressRange = range.parse().expect(case);
            assert_eq!(range.contains(address.parse().expect(case)), want, "{case}");
            assert_eq!(range.to_string().parse(), Ok(range), "{case}: round trip");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0", "unix:", "10.0.0.0/-1", "::/129"] {
            assert!(bad.parse::<AddressRange>().is_err(), "{bad}");
        }
    }
}
