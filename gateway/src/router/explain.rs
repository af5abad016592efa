//! Why a route does or does not take a request: asked by people, one route at a time.
//!
//! The look-up itself never comes here; what it says and what this says is held together by a test.

use std::sync::Arc;

use super::conditions::Conditions;
use super::host::HostPattern;
use super::priority::{PathWeight, priority};
use super::variants::split;
use super::{RouteIndex, RouteInput, normalize_path};
use crate::expression::{Expression, Fields};
use crate::model::Route;

/// What a route makes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It matches with this priority; the highest takes the request.
    Matches {
        /// Kong's number.
        priority: u64,
    },
    /// These of its fields do not fit.
    Misses(Vec<&'static str>),
    /// It cannot be used.
    Unusable(&'static str, String),
}

/// What `route` makes of the request.
pub fn explain(route: &Route, input: &RouteInput<'_>) -> Verdict {
    let path = normalize_path(input.path);
    let expression = match route.expression.as_deref().map(|text| Expression::parse(text, Fields::Http)) {
        Some(Err(error)) => return Verdict::Unusable("expression", error.to_string()),
        Some(Ok(expression)) => Some(Arc::new(expression)),
        None => None,
    };
    let conditions = match Conditions::of(route, expression) {
        Ok(conditions) => conditions,
        Err((field, message)) => return Verdict::Unusable(field, message),
    };
    let mut misses = conditions.misses(input, &path);
    let hosts = route.hosts.as_deref().unwrap_or_default();
    if !hosts.is_empty() && !hosts.iter().any(|host| host_fits(host, input)) {
        misses.push("hosts");
    }
    let parts = split(RouteIndex(0), route);
    let fitting = parts.iter().filter(|part| part_fits(part.weight, &part.paths, &path));
    match fitting.map(|part| priority(route, part.weight)).max() {
        Some(priority) if misses.is_empty() => Verdict::Matches { priority },
        Some(_) => Verdict::Misses(misses),
        None => {
            misses.push("paths");
            Verdict::Misses(misses)
        }
    }
}

fn part_fits(weight: PathWeight, paths: &[&str], path: &[u8]) -> bool {
    match weight {
        PathWeight::NoPath | PathWeight::Expression => true,
        PathWeight::Plain(_) => paths.iter().any(|text| path.starts_with(text.as_bytes())),
        PathWeight::Regex => paths.iter().any(|text| {
            regex::bytes::Regex::new(&format!("^{text}")).is_ok_and(|regex| regex.is_match(path))
        }),
    }
}

fn host_fits(text: &str, input: &RouteInput<'_>) -> bool {
    HostPattern::parse(text).is_some_and(|pattern| {
        pattern.fits_name(input.host) && pattern.port.is_none_or(|port| port == input.port)
    })
}
