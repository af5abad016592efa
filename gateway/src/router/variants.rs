//! Routes split as Kong splits them before ranking: one variant for each length of plain path and
//! one for all regexes.

use std::cmp::Reverse;

use uuid::Uuid;

use super::RouteIndex;
use super::priority::{PathWeight, priority};
use crate::model::Route;

/// Kong's namespace for the ids of variants, which break ties between equal priorities.
const NAMESPACE: Uuid = Uuid::from_u128(0x7f14_5bf9_0dce_4f91_98eb_debb_ce4b_9f6b);

/// One route, or a part of one whose paths weigh the same.
#[derive(Debug)]
pub(super) struct Variant<'r> {
    pub(super) index: RouteIndex,
    pub(super) route: &'r Route,
    /// Plain prefixes, regexes (without their `~`) or the expression, as `weight` says.
    pub(super) paths: Vec<&'r str>,
    pub(super) weight: PathWeight,
    pub(super) order: Order,
}

/// Of two variants the greater wins: by Kong's priority, then by id.
pub(super) type Order = (u64, Uuid);

/// All variants of the HTTP routes, the winner of any two first.
pub(super) fn ranked<'r>(routes: &[(RouteIndex, &'r Route)]) -> Vec<Variant<'r>> {
    let http = routes.iter().filter(|(_, route)| !route.is_stream());
    let mut variants: Vec<_> = http.flat_map(|(index, route)| split(*index, route)).collect();
    variants.sort_unstable_by_key(|variant| Reverse(variant.order));
    variants
}

/// One route in its parts.
pub(super) fn split(index: RouteIndex, route: &Route) -> Vec<Variant<'_>> {
    let mut groups: Vec<(PathWeight, Vec<&str>)> = Vec::with_capacity(1);
    groups.extend(route.expression.as_deref().map(|text| (PathWeight::Expression, vec![text])));
    for path in route.paths.as_deref().unwrap_or_default() {
        let (weight, text) = match path.strip_prefix('~') {
            Some(regex) => (PathWeight::Regex, regex),
            None => (PathWeight::Plain(path.len()), path.as_str()),
        };
        match groups.iter_mut().find(|(known, _)| *known == weight) {
            Some((_, paths)) => paths.push(text),
            None => groups.push((weight, vec![text])),
        }
    }
    if groups.is_empty() {
        groups.push((PathWeight::NoPath, Vec::new()));
    }
    let whole = groups.len() == 1;
    let parts = groups.into_iter().zip(1..);
    parts
        .map(|((weight, paths), number)| Variant {
            index,
            route,
            paths,
            weight,
            order: (priority(route, weight), if whole { route.id } else { variant_id(route.id, number) }),
        })
        .collect()
}

fn variant_id(route: Uuid, number: usize) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{route}#{number}").as_bytes())
}
