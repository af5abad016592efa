//! Which of two matching routes wins: Kong's priority number.

use crate::model::Route;

/// Where the fields of the number begin.
const KINDS_SHIFT: u32 = 61;
const PLAIN_HOSTS_BIT: u64 = 1 << 60;
const HEADERS_SHIFT: u32 = 52;
const REGEX_BIT: u64 = 1 << 51;
const REGEX_PRIORITY_SHIFT: u32 = 19;
const MAX_PATH_LENGTH: u64 = 0x7_FFFF;

/// What the paths of one variant add to its priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathWeight {
    /// The route has no paths.
    NoPath,
    /// Plain prefixes, all of this length in bytes.
    Plain(usize),
    /// Regexes.
    Regex,
}

/// The priority of `route` with paths of this weight; the higher wins.
pub(super) fn priority(route: &Route, paths: PathWeight) -> u64 {
    let hosts = route.hosts.as_deref().unwrap_or_default();
    let headers = route.headers.as_ref().map_or(0, |headers| headers.len());
    let set = [
        route.methods.as_ref().is_some_and(|methods| !methods.is_empty()),
        !hosts.is_empty(),
        headers > 0,
        route.snis.as_ref().is_some_and(|snis| !snis.is_empty()),
        paths != PathWeight::NoPath,
    ];
    let kinds = set.iter().map(|set| u64::from(*set)).sum::<u64>();
    let mut number = (kinds << KINDS_SHIFT) | ((headers.min(255) as u64) << HEADERS_SHIFT);
    if !hosts.is_empty() && hosts.iter().all(|host| !host.contains('*')) {
        number |= PLAIN_HOSTS_BIT;
    }
    match paths {
        PathWeight::NoPath => number,
        PathWeight::Plain(length) => number | (length as u64).min(MAX_PATH_LENGTH),
        PathWeight::Regex => {
            let wish = route.regex_priority.clamp(0, u32::MAX.into()).unsigned_abs();
            number | REGEX_BIT | (wish << REGEX_PRIORITY_SHIFT)
        }
    }
}
