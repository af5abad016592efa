//! The id of one request: 32 hexadecimal digits, as Kong's `X-Kong-Request-Id`.

use std::fmt;

use http::HeaderValue;

/// 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// Spells out 128 bits.
    pub fn from_bits(bits: u128) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (place, digit) in text.iter_mut().rev().enumerate() {
            let nibble = (bits >> (4 * place)) & 0xf;
            *digit = DIGITS.get(nibble as usize).copied().unwrap_or(b'0');
        }
        Self(text)
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The digits as a header value. Allocates.
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_all_digits() {
        let id = RequestId::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(id.as_str(), "0123456789abcdef0123456789abcdef");
    }
}
