//! What the client is told about its limits.

use limits::{Period, digits};

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
        let (limit, remaining) = names(usage.period);
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

/// Names for a period: those of the limit and of what remains of it.
fn names(period: Period) -> (&'static str, &'static str) {
    match period {
        Period::Second => ("x-ratelimit-limit-second", "x-ratelimit-remaining-second"),
        Period::Minute => ("x-ratelimit-limit-minute", "x-ratelimit-remaining-minute"),
        Period::Hour => ("x-ratelimit-limit-hour", "x-ratelimit-remaining-hour"),
        Period::Day => ("x-ratelimit-limit-day", "x-ratelimit-remaining-day"),
        Period::Month => ("x-ratelimit-limit-month", "x-ratelimit-remaining-month"),
        Period::Year => ("x-ratelimit-limit-year", "x-ratelimit-remaining-year"),
    }
}
