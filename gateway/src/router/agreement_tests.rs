//! The router agrees with a slow one that tries every route by the letter of the rules.

use std::cmp::Reverse;

use http::{HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use regex::bytes::Regex;
use serde_json::json;
use uuid::Uuid;

use super::tests::{Request, indexed, route};
use super::{Router, normalize_path};
use crate::exchange::Scheme;
use crate::model::Route;

/// What a slow router says: the route, and how much of the path matched.
type Answer = Option<(u32, Option<usize>)>;

/// Kong's order as a tuple, in place of its number.
type Rank = (usize, bool, usize, bool, i64, usize, Uuid);

fn slow(routes: &[Route], request: &Request) -> Answer {
    let path = normalize_path(&request.path);
    let mut matches: Vec<(Rank, u32, Option<usize>)> = Vec::new();
    for (index, route) in indexed(routes) {
        if !others_fit(route, request) {
            continue;
        }
        for (paths, id) in groups(route) {
            let matched = paths.iter().find_map(|text| path_fits(text, &path));
            if paths.is_empty() || matched.is_some() {
                matches.push((rank(route, &paths, id), index.0, matched));
            }
        }
    }
    matches.sort_by_key(|(rank, ..)| Reverse(*rank));
    matches.first().map(|(_, index, matched)| (*index, *matched))
}

fn path_fits(text: &str, path: &[u8]) -> Option<usize> {
    match text.strip_prefix('~') {
        Some(regex) => Regex::new(&format!("^{regex}")).unwrap().find(path).map(|found| found.len()),
        None => path.starts_with(text.as_bytes()).then_some(text.len()),
    }
}

/// The paths of a route by length, regexes together, each with its id.
fn groups(route: &Route) -> Vec<(Vec<String>, Uuid)> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    for path in route.paths.iter().flatten() {
        let like = |group: &&mut Vec<String>| match (group[0].starts_with('~'), path.starts_with('~')) {
            (true, true) => true,
            (false, false) => group[0].len() == path.len(),
            (true, false) | (false, true) => false,
        };
        match groups.iter_mut().find(like) {
            Some(group) => group.push(path.clone()),
            None => groups.push(vec![path.clone()]),
        }
    }
    if groups.len() < 2 {
        return vec![(groups.pop().unwrap_or_default(), route.id)];
    }
    let namespace: Uuid = "7f145bf9-0dce-4f91-98eb-debbce4b9f6b".parse().unwrap();
    let id = |number: usize| Uuid::new_v5(&namespace, format!("{}#{number}", route.id).as_bytes());
    groups.into_iter().enumerate().map(|(place, group)| (group, id(place + 1))).collect()
}

fn rank(route: &Route, paths: &[String], id: Uuid) -> Rank {
    let hosts = route.hosts.clone().unwrap_or_default();
    let headers = route.headers.as_ref().map_or(0, |headers| headers.len());
    let regex = paths.first().is_some_and(|path| path.starts_with('~'));
    let kinds =
        [route.methods.is_some(), !hosts.is_empty(), headers > 0, route.snis.is_some(), !paths.is_empty()];
    (
        kinds.iter().filter(|set| **set).count(),
        !hosts.is_empty() && hosts.iter().all(|host| !host.contains('*')),
        headers,
        regex,
        if regex { route.regex_priority } else { 0 },
        if regex { 0 } else { paths.first().map_or(0, String::len) },
        id,
    )
}

fn others_fit(route: &Route, request: &Request) -> bool {
    let method = route
        .methods
        .as_ref()
        .is_none_or(|methods| methods.iter().any(|method| *method == request.method.as_str()));
    let host = route
        .hosts
        .as_ref()
        .is_none_or(|hosts| hosts.iter().any(|host| host_fits(host, &request.host, request.port)));
    let headers = route.headers.iter().flatten().all(|(name, values)| {
        let given = request.headers.get_all(name.as_str());
        given
            .iter()
            .any(|given| values.iter().any(|value| given.as_bytes().eq_ignore_ascii_case(value.as_bytes())))
    });
    let sni = request.scheme == Scheme::Http
        || route.snis.as_ref().is_none_or(|snis| {
            request.sni.as_ref().is_some_and(|name| snis.iter().any(|sni| host_fits(sni, name, 0)))
        });
    method && host && headers && sni
}

fn host_fits(pattern: &str, host: &str, port: u16) -> bool {
    let (name, wanted) = match pattern.split_once(':') {
        Some((name, wanted)) => (name, wanted.parse::<u16>().ok()),
        None => (pattern, None),
    };
    let named = match (name.strip_prefix('*'), name.strip_suffix('*')) {
        (Some(end), _) => host.ends_with(end),
        (None, Some(start)) => host.starts_with(start),
        (None, None) => host == name,
    };
    named && wanted.is_none_or(|wanted| wanted == port)
}

fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = Option<Vec<&'static str>>> {
    let few = proptest::sample::subsequence(values, 1..=3).prop_shuffle();
    proptest::option::of(few)
}

fn any_route() -> impl Strategy<Value = Route> {
    const PATHS: &[&str] = &[
        "/",
        "/a",
        "/ab",
        "/a/b",
        "/abc",
        "/b",
        "/a/b/c",
        "~/a",
        "~/a.*c",
        "~/(a|b)",
        "~/a$|/b",
        "~/a/(?<x>[a-c]+)",
        "~.*b",
    ];
    const HOSTS: &[&str] =
        &["a.com", "b.a.com", "*.a.com", "*.com", "a.*", "b.a.*", "a.com:80", "*.com:81", "a.*:80", "a.co"];
    (
        any::<u16>(),
        some_of(PATHS),
        some_of(HOSTS),
        some_of(&["GET", "PUT", "POST"]),
        proptest::option::of(proptest::sample::subsequence(&[("x-a", "1"), ("x-a2", "2"), ("x-b", "1")], 1..=2)),
        some_of(&["a.com", "*.com", "b.*"]),
        0..3_i64,
    )
        .prop_map(|(id, paths, hosts, methods, headers, snis, regex_priority)| {
            let headers = headers.map(|pairs| {
                pairs.into_iter().map(|(name, value)| (name.to_owned(), json!([value]))).collect::<serde_json::Map<_, _>>()
            });
            route(
                id.into(),
                &json!({"paths": paths, "hosts": hosts, "methods": methods, "headers": headers, "snis": snis, "regex_priority": regex_priority}),
            )
        })
}

fn any_request() -> impl Strategy<Value = Request> {
    let host = proptest::sample::select(&["a.com", "b.a.com", "c.b.a.com", "a.co", "A.com", "x", ""][..]);
    let path = proptest::string::string_regex("/[abc/.]{0,6}(%6[12]|%2f)?").unwrap();
    let headers =
        proptest::sample::subsequence(&[("x-a", "1"), ("x-a2", "2"), ("x-b", "1"), ("x-b", "3")], 0..=3);
    let method = proptest::sample::select(vec![Method::GET, Method::PUT, Method::DELETE]);
    let sni = proptest::option::of(proptest::sample::select(&["a.com", "b.com", "b.x"][..]));
    (host, path, headers, method, sni, any::<bool>(), 80..82_u16).prop_map(
        |(host, path, headers, method, sni, tls, port)| {
            let headers = headers.into_iter();
            Request {
                method,
                port,
                scheme: if tls { Scheme::Https } else { Scheme::Http },
                headers: headers
                    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                    .collect(),
                sni: sni.map(Into::into),
                ..Request::get(host, &path)
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn router_agrees_with_the_slow_one(
        mut routes in proptest::collection::vec(any_route(), 0..24),
        requests in proptest::collection::vec(any_request(), 1..24),
    ) {
        // Two routes never have one id.
        routes.sort_by_key(|route| route.id);
        routes.dedup_by_key(|route| route.id);
        let (router, problems) = Router::build(&indexed(&routes));
        prop_assert_eq!(problems, vec![]);
        for request in &requests {
            let answer = router.find(&request.input()).map(|found| (found.index.0, found.matched));
            prop_assert_eq!(answer, slow(&routes, request), "{} {} {}", request.method, request.host, request.path);
        }
    }
}
