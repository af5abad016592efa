//! What Kong's plugins that limit rates have in common: periods of the calendar, limits for each of them, where
//! counters are kept, how Redis is described, and whose requests are counted together.

mod amounts;
mod caller;
mod period;
mod policy;
mod redis;

pub use amounts::{Amounts, whole};
pub use caller::Caller;
pub use period::{Period, Span};
pub use policy::{Policy, capability};
pub use redis::{OldRedisNames, Redis};

/// A number in decimal, without the formatting machinery: this runs on every request.
pub fn digits(number: u64) -> Vec<u8> {
    let length = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    let mut text = vec![b'0'; length];
    let mut rest = number;
    for digit in text.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn digits_are_decimal() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX] {
            assert_eq!(digits(number), number.to_string().into_bytes());
        }
    }
}
