//! Which of two matching routes wins: Kong's priority number.

use crate::model::Route;

/// Where the fields of the number begin.
const KINDS_SHIFT: u32 = 61;
const PLAIN_HOSTS_BIT: u64 = 1 << 60;
const HEADERS_SHIFT: u32 = 52;
const REGEX_BIT: u64 = 1 << 51;
const REGEX_PRIORITY_SHIFT: u32 = 19;
const MAX_PATH_LENGTH: u64 = 0x7_FFFF;
/// An expression comes before all routes that are made of attributes.
const EXPRESSION: u64 = 0xFF << 56;

/// What the paths of one variant add to its priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathWeight {
    /// The route has no paths.
    NoPath,
    /// Plain prefixes, all of this length in bytes.
    Plain(usize),
    /// Regexes.
    Regex,
    /// The route is an expression.
    Expression,
}

/// The priority of `route` with paths of this weight; the higher wins.
pub(super) fn priority(route: &Route, paths: PathWeight) -> u64 {
    let hosts = route.hosts.as_deref().unwrap_or_default();
    let headers = route.headers.as_ref().map_or(0, |headers| headers.len());
    let set = [
        is_set(route.methods.as_deref()),
        !hosts.is_empty(),
        headers > 0,
        is_set(route.snis.as_deref()),
        paths != PathWeight::NoPath,
        is_set(route.sources.as_deref()),
        is_set(route.destinations.as_deref()),
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
        PathWeight::Expression => EXPRESSION | (route.priority & !EXPRESSION),
    }
}

fn is_set<T>(list: Option<&[T]>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}
