//! Blocks of addresses: `10.0.0.0/8`.

use std::net::IpAddr;

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressBlock {
    network: u128,
    mask: u128,
    is_v4: bool,
}

impl AddressBlock {
    /// Reads `address/bits`, or one address. What lies behind the bits is not looked at.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        Self::new(address.parse().ok()?, bits)
    }

    /// The block of `address` with that many bits; `None` if it has fewer.
    pub fn new(address: IpAddr, bits: Option<u32>) -> Option<Self> {
        let (width, is_v4) = if address.is_ipv4() { (32, true) } else { (128, false) };
        let bits = bits.unwrap_or(width);
        if bits > width {
            return None;
        }
        let mask = match width - bits {
            128 => 0,
            free => u128::MAX << free,
        };
        Some(Self { network: number(address) & mask, mask, is_v4 })
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.is_v4 == address.is_ipv4() && number(address) & self.mask == self.network
    }

    /// Whether `address` has no bits behind those of the block.
    pub(super) fn begins_with(&self, address: IpAddr) -> bool {
        number(address) == self.network
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}
