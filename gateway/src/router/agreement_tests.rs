//! The router agrees with a slow one that tries every route by the letter of the rules.

use std::cmp::Reverse;
use std::net::SocketAddr;

use http::{HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use regex::bytes::Regex;
use serde_json::json;
use uuid::Uuid;

use super::tests::{Request, indexed, route};
use super::{RouteIndex, Router, Verdict, explain, normalize_path};
use crate::exchange::Scheme;
use crate::expression::{AddressBlock, Expression, Fields};
use crate::model::{AddressRule, Protocol, Route};

/// What a slow router says: the route, and how much of the path matched.
type Answer = Option<(u32, Option<usize>)>;

/// Kong's order as a tuple, in place of its number; the first is the priority of an expression.
type Rank = (Option<u64>, usize, bool, usize, bool, i64, usize, Uuid);

fn slow(routes: &[Route], request: &Request) -> Answer {
    let path = normalize_path(&request.path);
    let mut matches: Vec<(Rank, u32, Option<usize>)> = Vec::new();
    for (index, route) in indexed(routes) {
        if !is_http(route) {
            continue;
        }
        if let Some(text) = &route.expression {
            if let Some(matched) = expression_fits(text, route, request, &path) {
                matches.push((rank(route, &[], route.id), index.0, matched));
            }
            continue;
        }
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

fn is_http(route: &Route) -> bool {
    route.protocols.contains(&Protocol::Http) || route.protocols.contains(&Protocol::Https)
}

/// Asked on its own, outside of any index.
fn expression_fits(text: &str, route: &Route, request: &Request, path: &[u8]) -> Option<Option<usize>> {
    let scheme = match request.scheme {
        Scheme::Http => Protocol::Http,
        Scheme::Https => Protocol::Https,
    };
    if route.protocols != [Protocol::Https] && !route.protocols.contains(&scheme) {
        return None;
    }
    let expression = Expression::parse(text, Fields::Http).unwrap();
    expression.find(&request.input().facts(path)).map(|found| found.path)
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
    let kinds = [
        route.methods.is_some(),
        !hosts.is_empty(),
        headers > 0,
        route.snis.is_some(),
        !paths.is_empty(),
        route.sources.is_some(),
        route.destinations.is_some(),
    ];
    (
        route.expression.as_ref().map(|_| route.priority),
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
        given.iter().any(|given| values.iter().any(|value| value_fits(value, given.to_str().unwrap())))
    });
    let addresses = addresses_fit(route.sources.as_deref(), request.source)
        && addresses_fit(route.destinations.as_deref(), request.destination);
    let sni = request.scheme == Scheme::Http
        || route.snis.as_ref().is_none_or(|snis| {
            request.sni.as_ref().is_some_and(|name| {
                snis.iter().any(|sni| host_fits(sni.strip_suffix('.').unwrap_or(sni), name, 0))
            })
        });
    method && host && headers && sni && addresses
}

fn value_fits(value: &str, given: &str) -> bool {
    let given = given.to_lowercase();
    match value.strip_prefix("~*") {
        Some(regex) => Regex::new(&regex.to_lowercase()).unwrap().is_match(given.as_bytes()),
        None => given == value.to_lowercase(),
    }
}

fn addresses_fit(rules: Option<&[AddressRule]>, address: SocketAddr) -> bool {
    let fits = |rule: &AddressRule| {
        let block = rule.ip.as_ref().map(|ip| AddressBlock::parse(ip).unwrap());
        block.is_none_or(|block| block.contains(address.ip()))
            && rule.port.is_none_or(|port| port == address.port())
    };
    rules.is_none_or(|rules| rules.iter().any(fits))
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
    let headers = &[("x-a", "1"), ("x-a2", "~*^[B2]"), ("x-b", "1"), ("x-c", "~*b")][..];
    let addresses =
        [json!({"ip": "10.0.0.0/8"}), json!({"port": 80}), json!({"ip": "192.0.2.1", "port": 81})];
    let attributes = (
        some_of(PATHS),
        some_of(HOSTS),
        some_of(&["GET", "PUT", "POST"]),
        proptest::option::of(proptest::sample::subsequence(headers, 1..=2)),
        some_of(&["a.com", "*.com", "b.*", "a.com."]),
        0..3_i64,
        proptest::option::weighted(0.1, proptest::sample::subsequence(addresses.to_vec(), 1..=2)),
        proptest::option::weighted(0.1, proptest::sample::subsequence(addresses.to_vec(), 1..=2)),
    );
    let by_attributes = attributes.prop_map(
        |(paths, hosts, methods, headers, snis, regex_priority, sources, destinations)| {
            let headers = headers.map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), json!([value])))
                    .collect::<serde_json::Map<_, _>>()
            });
            json!({
                "paths": paths, "hosts": hosts, "methods": methods, "headers": headers, "snis": snis,
                "regex_priority": regex_priority, "sources": sources, "destinations": destinations,
            })
        },
    );
    let by_expression = (any_expression(), 0..3_u64)
        .prop_map(|(expression, priority)| json!({"expression": expression, "priority": priority}));
    const PROTOCOLS: &[&[&str]] = &[&["http", "https"], &["https"], &["http"], &["tcp", "tls"]];
    let fields = prop_oneof![4 => by_attributes, 1 => by_expression];
    (any::<u16>(), fields, proptest::sample::select(PROTOCOLS)).prop_map(|(id, mut fields, protocols)| {
        fields.as_object_mut().unwrap().insert("protocols".into(), json!(protocols));
        route(id.into(), &fields)
    })
}

/// Conditions of all sorts, joined at random.
fn any_expression() -> impl Strategy<Value = String> {
    const CONDITIONS: &[&str] = &[
        r#"http.host == "a.com""#,
        r#"lower(http.host) == "a.com""#,
        r#"http.host =^ ".com""#,
        r#"http.path ^= "/a""#,
        r#"http.path ^= "/a/b""#,
        r#"http.path == "/a""#,
        r#"http.path ~ "^/a.*c""#,
        r#"http.path ~ "b$""#,
        r#"http.path contains "b""#,
        r#"http.path.segments.0 == "a""#,
        r#"http.path.segments.len > 1"#,
        r#"http.method == "GET""#,
        r#"any(http.headers.x_b) == "1""#,
        r#"http.queries.q != "1""#,
        r#"tls.sni == "a.com""#,
        "net.src.ip in 10.0.0.0/8",
        "net.dst.port == 80",
    ];
    let condition = proptest::sample::select(CONDITIONS).prop_map(str::to_owned);
    condition.prop_recursive(3, 12, 3, |inner| {
        let parts = proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            parts.clone().prop_map(|parts| format!("({})", parts.join(" && "))),
            parts.clone().prop_map(|parts| format!("({})", parts.join(" || "))),
            parts.prop_map(|parts| parts.join(" && ")),
            inner.prop_map(|part| format!("!({part})")),
        ]
    })
}

fn any_request() -> impl Strategy<Value = Request> {
    let host = proptest::sample::select(&["a.com", "b.a.com", "c.b.a.com", "a.co", "A.com", "x", ""][..]);
    let path = proptest::string::string_regex("/[abc/.]{0,6}(%6[12]|%2f)?").unwrap();
    let headers = proptest::sample::subsequence(
        &[("x-a", "1"), ("x-a2", "2"), ("x-b", "1"), ("x-b", "3"), ("x-c", "aB"), ("x-a2", "cb")],
        0..=4,
    );
    let method = proptest::sample::select(vec![Method::GET, Method::PUT, Method::DELETE]);
    let sni = proptest::option::of(proptest::sample::select(&["a.com", "b.com", "b.x"][..]));
    let query = proptest::option::of(proptest::sample::select(&["q=1", "q=2&q=1", "x"][..]));
    let source = proptest::sample::select(&["10.9.8.7:80", "192.0.2.1:81", "[fd00::1]:5"][..]);
    (host, path, headers, method, (sni, query, source), any::<bool>(), 80..82_u16).prop_map(
        |(host, path, headers, method, (sni, query, source), tls, port)| {
            let headers = headers.into_iter();
            Request {
                method,
                port,
                query: query.map(Into::into),
                source: source.parse().unwrap(),
                destination: SocketAddr::new([192, 0, 2, 1].into(), port),
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
            let best = routes.iter().filter(|route| is_http(route)).filter_map(|route| {
                match explain(route, &request.input()) {
                    Verdict::Matches { priority } => Some(priority),
                    Verdict::Misses(_) | Verdict::Unusable(..) => None,
                }
            });
            let explained = answer.map(|(index, _)| explain(&routes[index as usize], &request.input()));
            prop_assert_eq!(best.max().map(|priority| Verdict::Matches { priority }), explained);
        }
    }

    #[test]
    fn a_router_with_changes_agrees_with_one_in_one_piece(
        mut routes in proptest::collection::vec(any_route(), 1..16),
        rounds in proptest::collection::vec((proptest::collection::vec(any_route(), 0..4), any::<usize>()), 1..4),
        requests in proptest::collection::vec(any_request(), 1..24),
    ) {
        routes.sort_by_key(|route| route.id);
        routes.dedup_by_key(|route| route.id);
        let mut layered = Router::build(&indexed(&routes)).0;
        let mut places: Vec<Option<Route>> = routes.into_iter().map(Some).collect();
        for (came, goes) in rounds {
            let goes = goes % places.len();
            let mut touched = vec![RouteIndex(goes as u32)];
            places[goes] = None;
            for route in came {
                let known = places.iter().position(|known| known.as_ref().is_some_and(|known| known.id == route.id));
                let place = known.unwrap_or(places.len());
                places.resize(places.len().max(place + 1), None);
                places[place] = Some(route);
                touched.push(RouteIndex(place as u32));
            }
            let all: Vec<_> = (0..).map(RouteIndex).zip(&places).collect();
            let all: Vec<_> = all.into_iter().filter_map(|(place, route)| Some((place, route.as_ref()?))).collect();
            let is_newer = |place| touched.contains(place) || layered.newer().contains(place);
            let newer: Vec<_> = all.iter().filter(|(place, _)| is_newer(place)).copied().collect();
            layered = layered.with(&touched, &newer);
            let whole = Router::build(&all).0;
            for request in &requests {
                let answer = |router: &Router| router.find(&request.input()).map(|found| (found.index, found.matched));
                prop_assert_eq!(answer(&layered), answer(&whole), "{} {}", request.host, request.path);
            }
        }
    }
}
