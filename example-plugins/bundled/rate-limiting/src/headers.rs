//! What the client is told about its limits.

use crate::period::Period;

/// How one limit stands after this request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage<'a> {
    pub(crate) period: Period,
    pub(crate) limit: &'a str,
    pub(crate) remaining: u64,
    /// Seconds until the period ends.
    pub(crate) reset: u64,
}

/// Two headers for each period, and the three of the draft standard for the tightest one.
pub(crate) fn of<'a>(usages: impl Iterator<Item = Usage<'a>> + Clone) -> Vec<(&'static str, Vec<u8>)> {
    let mut headers = Vec::with_capacity(8);
    for usage in usages.clone() {
        let (limit, remaining) = usage.period.headers();
        headers.push((limit, usage.limit.into()));
        headers.push((remaining, digits(usage.remaining)));
    }
    if let Some(usage) = tightest(usages) {
        headers.push(("ratelimit-limit", usage.limit.into()));
        headers.push(("ratelimit-remaining", digits(usage.remaining)));
        headers.push(("ratelimit-reset", digits(usage.reset)));
    }
    headers
}

/// The one with the least remaining; of equals the longer period.
pub(crate) fn tightest<'a>(usages: impl Iterator<Item = Usage<'a>>) -> Option<Usage<'a>> {
    usages.min_by(|a, b| a.remaining.cmp(&b.remaining).then(b.period.cmp(&a.period)))
}

/// A number in decimal, without the formatting machinery: this runs on every request.
pub(crate) fn digits(number: u64) -> Vec<u8> {
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
