//! Kong's matching rules as tables.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{RouteIndex, RouteInput, Router};
use crate::exchange::{Capture, Scheme};
use crate::model::{PathHandling, Route};

/// A route with these fields over Kong's defaults.
pub(super) fn route(id: u128, fields: &Value) -> Route {
    let mut whole = json!({
        "id": Uuid::from_u128(id), "name": null, "service": null, "protocols": ["http", "https"], "methods": null,
        "hosts": null, "paths": null, "headers": null, "snis": null, "sources": null, "destinations": null,
        "regex_priority": 0, "strip_path": true, "preserve_host": false, "https_redirect_status_code": 426,
        "path_handling": "v0", "request_buffering": true, "response_buffering": true, "tags": null,
        "created_at": 0, "updated_at": 0,
    });
    let given = fields.as_object().cloned().unwrap_or_default();
    whole.as_object_mut().unwrap().extend(given);
    serde_json::from_value(whole).unwrap()
}

/// One request, with what the router borrows from it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
    pub(super) scheme: Scheme,
    pub(super) headers: HeaderMap,
    pub(super) sni: Option<String>,
    pub(super) query: Option<String>,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
}

impl Request {
    pub(super) fn get(host: &str, path: &str) -> Self {
        Self {
            method: Method::GET,
            host: host.into(),
            port: 8000,
            path: path.into(),
            scheme: Scheme::Http,
            headers: HeaderMap::new(),
            sni: None,
            query: None,
            source: "10.1.2.3:4000".parse().unwrap(),
            destination: "192.0.2.1:8000".parse().unwrap(),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    pub(super) fn input(&self) -> RouteInput<'_> {
        RouteInput {
            method: &self.method,
            host: &self.host,
            port: self.port,
            path: &self.path,
            scheme: self.scheme,
            headers: &self.headers,
            sni: self.sni.as_deref(),
            query: self.query.as_deref(),
            source: self.source,
            destination: self.destination,
        }
    }
}

pub(super) fn indexed(routes: &[Route]) -> Vec<(RouteIndex, &Route)> {
    routes.iter().enumerate().map(|(place, route)| (RouteIndex(place as u32), route)).collect()
}

fn router(routes: &[Value]) -> Router {
    let routes: Vec<_> = routes.iter().zip(1..).map(|(fields, id)| route(id, fields)).collect();
    let (router, problems) = Router::build(&indexed(&routes));
    assert_eq!(problems, []);
    router
}

fn found(router: &Router, request: &Request) -> Option<u32> {
    router.find(&request.input()).map(|found| found.index.0)
}

#[test]
fn one_route_matches_what_all_its_attributes_allow() {
    let get = Request::get;
    for (case, fields, request, want) in [
        ("path prefix", json!({"paths": ["/foo"]}), get("a", "/foo/x"), true),
        ("a prefix ends anywhere in a segment", json!({"paths": ["/foo"]}), get("a", "/foobar"), true),
        ("another path", json!({"paths": ["/foo"]}), get("a", "/bar"), false),
        ("the path is normalised first", json!({"paths": ["/foo"]}), get("a", "/x/../%66oo"), true),
        ("a regex is anchored at the start", json!({"paths": ["~/\\d+"]}), get("a", "/x/12"), false),
        ("a regex is open at the end", json!({"paths": ["~/\\d+"]}), get("a", "/12/x"), true),
        ("exact host", json!({"hosts": ["a.com"]}), get("a.com", "/"), true),
        ("hosts keep their case", json!({"hosts": ["a.com"]}), get("A.com", "/"), false),
        ("wildcard left", json!({"hosts": ["*.a.com"]}), get("x.y.a.com", "/"), true),
        ("wildcard left needs its dot", json!({"hosts": ["*.a.com"]}), get("a.com", "/"), false),
        ("wildcard right", json!({"hosts": ["a.*"]}), get("a.co.uk", "/"), true),
        ("wildcard right needs its dot", json!({"hosts": ["a.*"]}), get("ab.com", "/"), false),
        ("host with the port", json!({"hosts": ["a.com:8000"]}), get("a.com", "/"), true),
        ("host with another port", json!({"hosts": ["a.com:9000"]}), get("a.com", "/"), false),
        ("wildcard with the port", json!({"hosts": ["*.a.com:8000"]}), get("b.a.com", "/"), true),
        ("method", json!({"methods": ["GET", "PUT"]}), get("a", "/"), true),
        ("another method", json!({"methods": ["PUT"]}), get("a", "/"), false),
        ("header but for case", json!({"headers": {"x-a": ["One"]}}), get("a", "/").with("x-a", "oNE"), true),
        (
            "a later value of a header",
            json!({"headers": {"x-a": ["2"]}}),
            get("a", "/").with("x-a", "1").with("x-a", "2"),
            true,
        ),
        ("underscore for dash", json!({"headers": {"x-a": ["1"]}}), get("a", "/").with("x_a", "1"), true),
        ("header missing", json!({"headers": {"x-a": ["1"]}}), get("a", "/"), false),
        (
            "one of two headers",
            json!({"headers": {"x-a": ["1"], "x-b": ["1"]}}),
            get("a", "/").with("x-a", "1"),
            false,
        ),
        ("header regex", json!({"headers": {"x-a": ["~*B+C"]}}), get("a", "/").with("x-a", "abBcd"), true),
        ("sni says nothing on plain http", json!({"snis": ["a.com"]}), get("b", "/"), true),
        ("only stream protocols", json!({"protocols": ["tcp"], "paths": ["/"]}), get("a", "/"), false),
    ] {
        assert_eq!(found(&router(&[fields]), &request).is_some(), want, "{case}");
    }
}

#[test]
fn one_route_matches_what_its_ports_escapes_addresses_and_expression_allow() {
    let get = Request::get;
    for (case, fields, request, want) in [
        (
            "header regex on a later value",
            json!({"headers": {"x-a": ["~*^b$", "c"]}}),
            get("a", "/").with("x-a", "a").with("x-a", "B"),
            true,
        ),
        (
            "header regex beside",
            json!({"headers": {"x-a": ["~*^b$"]}}),
            get("a", "/").with("x-a", "ab"),
            false,
        ),
        ("wildcard with another port", json!({"hosts": ["*.a.com:9"]}), get("b.a.com", "/"), false),
        ("right wildcard with the port", json!({"hosts": ["a.*:8000"]}), get("a.org", "/"), true),
        ("an escaped slash is no slash", json!({"paths": ["/a/b"]}), get("a", "/a%2fb"), false),
        ("nor an escaped one in the route", json!({"paths": ["/a%2Fb"]}), get("a", "/a%2fb"), true),
        ("merged slashes", json!({"paths": ["/a/b"]}), get("a", "/a///b"), true),
        ("source range", json!({"sources": [{"ip": "10.0.0.0/8"}]}), get("a", "/"), true),
        ("another source", json!({"sources": [{"ip": "10.0.0.1"}]}), get("a", "/"), false),
        ("destination port", json!({"destinations": [{"port": 8000}]}), get("a", "/"), true),
        ("expression", json!({"expression": "http.path ^= \"/a\""}), get("a", "/ab"), true),
        ("another expression", json!({"expression": "http.path == \"/a\""}), get("a", "/ab"), false),
        (
            "an expression for https alone is asked on plain http, too",
            json!({"expression": "http.path ^= \"/\"", "protocols": ["https"]}),
            get("a", "/"),
            true,
        ),
        (
            "one for grpcs is not",
            json!({"expression": "http.path ^= \"/\"", "protocols": ["grpcs"]}),
            get("a", "/"),
            false,
        ),
    ] {
        assert_eq!(found(&router(&[fields]), &request).is_some(), want, "{case}");
    }
}

#[test]
fn sni_counts_on_https() {
    let router = router(&[json!({"snis": ["a.com.", "*.b.com"]})]);
    for (sni, want) in [(Some("a.com"), true), (Some("x.b.com"), true), (Some("c.com"), false), (None, false)]
    {
        let request = Request { scheme: Scheme::Https, sni: sni.map(Into::into), ..Request::get("h", "/") };
        assert_eq!(found(&router, &request).is_some(), want, "{sni:?}");
    }
}

#[test]
fn the_better_route_wins() {
    let both = Request::get("a.com", "/foo/bar").with("x-a", "1").with("x-b", "1");
    for (case, better, worse) in [
        ("more attributes", json!({"paths": ["/"], "methods": ["GET"]}), json!({"paths": ["/foo/bar"]})),
        ("plain host over wildcard", json!({"hosts": ["a.com"]}), json!({"hosts": ["*.com"]})),
        (
            "a wildcard among plain hosts counts",
            json!({"hosts": ["a.com"]}),
            json!({"hosts": ["a.com", "*.com"]}),
        ),
        (
            "more header names",
            json!({"headers": {"x-a": ["1"], "x-b": ["1"]}}),
            json!({"headers": {"x-a": ["1"]}}),
        ),
        ("regex over plain", json!({"paths": ["~/f"]}), json!({"paths": ["/foo/bar"]})),
        (
            "regex priority",
            json!({"paths": ["~/f"], "regex_priority": 2}),
            json!({"paths": ["~/foo"], "regex_priority": 1}),
        ),
        (
            "regex priority says nothing of plain paths",
            json!({"paths": ["/foo"]}),
            json!({"paths": ["/fo"], "regex_priority": 9}),
        ),
        ("longer prefix", json!({"paths": ["/foo"]}), json!({"paths": ["/fo"]})),
        (
            "expression over attributes",
            json!({"expression": "http.path ^= \"/\""}),
            json!({"paths": ["/foo/bar"], "hosts": ["a.com"], "methods": ["GET"]}),
        ),
        (
            "the priority of expressions",
            json!({"expression": "http.path ^= \"/\"", "priority": 2}),
            json!({"expression": "http.host == \"a.com\" && http.path == \"/foo/bar\"", "priority": 1}),
        ),
        (
            "sources count as an attribute",
            json!({"paths": ["/"], "sources": [{"port": 4000}]}),
            json!({"paths": ["/foo"]}),
        ),
        ("the longest of several prefixes", json!({"paths": ["/x", "/foo"]}), json!({"paths": ["/fo"]})),
    ] {
        for (order, routes) in [("first", [better.clone(), worse.clone()]), ("last", [worse, better])] {
            let want = if order == "first" { 0 } else { 1 };
            assert_eq!(found(&router(&routes), &both), Some(want), "{case}, given {order}");
        }
    }
}

#[test]
fn equal_routes_are_told_apart_by_the_greater_id() {
    let same = json!({"paths": ["/foo"]});
    assert_eq!(found(&router(&[same.clone(), same.clone(), same]), &Request::get("a", "/foo")), Some(2));
}

#[test]
fn match_tells_length_and_captures() {
    let router = router(&[
        json!({"paths": ["/plain"]}),
        json!({"paths": ["~/user/(?<id>[0-9]+)/([a-z]*)", "~/user"]}),
        json!({"methods": ["GET"]}),
    ]);
    let capture = |name: &str, value: &str| Capture { name: name.into(), value: value.into() };
    for (path, matched, captures) in [
        ("/plain/x", Some(6), vec![]),
        ("/user/12/ab/c", Some(11), vec![capture("id", "12"), capture("1", "12"), capture("2", "ab")]),
        ("/user/x", Some(5), vec![]),
        ("/other", None, vec![]),
    ] {
        let request = Request::get("a", path);
        let found = router.find(&request.input()).expect(path);
        assert_eq!((found.matched, found.captures), (matched, captures), "{path}");
    }
}

#[test]
fn a_route_without_paths_is_joined_whole() {
    let router = router(&[json!({"methods": ["GET"]})]);
    for (path, want) in [("/", "/api"), ("/a", "/api/a")] {
        let request = Request::get("a", path);
        let found = router.find(&request.input()).expect(path);
        assert_eq!(found.upstream_path(Some("/api"), true, PathHandling::V0), want, "{path}");
    }
}

#[test]
fn unusable_parts_are_reported_and_the_rest_works() {
    let routes = [
        route(1, &json!({"paths": ["~/("]})),
        route(2, &json!({"hosts": ["a*b.com*"]})),
        route(3, &json!({"paths": ["/ok"]})),
    ];
    let (router, problems) = Router::build(&indexed(&routes));
    let mut fields: Vec<_> = problems.iter().map(|problem| (problem.index.0, problem.field)).collect();
    fields.sort_unstable();
    assert_eq!(fields, [(0, "paths"), (1, "hosts")]);
    assert_eq!(found(&router, &Request::get("a", "/ok")), Some(2));
}

#[test]
fn a_host_of_a_thousand_dots_is_harmless() {
    let router = router(&[json!({"hosts": ["*.a.com"]}), json!({"hosts": ["a.*"]})]);
    assert_eq!(found(&router, &Request::get(&".".repeat(8000), "/")), None);
}
