//! Which assignments a route runs, what survives a broken object, and what is taken over.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use super::assigned::RouteAge;
use super::scopes::Scopes;
use super::{Assigned, AssignedPlugins, Configuration, Fault, RoutePlan, Snapshot, Surroundings, build};
use crate::dns::Names;
use crate::model::Document;
use crate::plugin_host::{Caller, OnFailure, Placement};
use crate::router::RouteInput;

const SERVICE: Uuid = Uuid::from_u128(1);
const ROUTE: Uuid = Uuid::from_u128(2);
const OTHER_ROUTE: Uuid = Uuid::from_u128(3);
const CONSUMER: Uuid = Uuid::from_u128(4);
const GROUP: Uuid = Uuid::from_u128(5);

fn document(value: Value) -> Document {
    value.as_object().cloned().unwrap()
}

fn service(id: Uuid, fields: Value) -> Document {
    let mut whole = document(json!({
        "id": id, "name": null, "protocol": "http", "host": "up.test", "port": 80, "path": null, "retries": 5,
        "connect_timeout": 1000, "write_timeout": 2000, "read_timeout": 3000, "enabled": true, "tls_verify": null,
    }));
    whole.extend(document(fields));
    whole
}

fn route(id: Uuid, fields: Value) -> Document {
    let mut whole = document(json!({
        "id": id, "name": null, "service": {"id": SERVICE}, "protocols": ["http", "https"], "paths": ["/"],
        "regex_priority": 0, "strip_path": true, "preserve_host": false, "https_redirect_status_code": 426,
        "path_handling": "v0",
    }));
    whole.extend(document(fields));
    whole
}

/// An assignment of the plugin `p` that names what `scope` says: `r`oute, `s`ervice, `c`onsumer, `g`roup.
fn plugin(id: u128, scope: &str) -> Document {
    let named = |letter: char, id: Uuid| scope.contains(letter).then(|| json!({"id": id}));
    document(json!({
        "id": Uuid::from_u128(id), "name": "p", "instance_name": null, "config": {}, "enabled": true, "sandbox": null,
        "route": named('r', ROUTE), "service": named('s', SERVICE), "consumer": named('c', CONSUMER),
        "consumer_group": named('g', GROUP),
    }))
}

fn configuration(services: Vec<Document>, routes: Vec<Document>, plugins: Vec<Document>) -> Configuration {
    let documents = BTreeMap::from([
        ("services".to_owned(), services),
        ("routes".to_owned(), routes),
        ("plugins".to_owned(), plugins),
    ]);
    Configuration::from_documents(&documents, &Configuration::default())
}

/// Every row prepared; which one a slot holds is read from the ids.
fn assigned(configuration: &Configuration) -> AssignedPlugins {
    let broken = Placement::Broken { on_failure: OnFailure::Closed, reason: Arc::from("a stand-in") };
    configuration.plugins.keys().map(|id| (*id, Assigned::done(10, broken.clone()))).collect()
}

fn find<'s>(snapshot: &'s Snapshot, path: &str) -> Option<&'s Arc<RoutePlan>> {
    let (method, headers) = (Method::GET, HeaderMap::new());
    let input = RouteInput::plain(&method, "h", path, &headers);
    snapshot.find(&input).map(|(plan, _)| plan)
}

fn build_with(
    revision: i64,
    configuration: &Configuration,
    assigned: &AssignedPlugins,
    previous: &Snapshot,
) -> (Snapshot, Vec<Fault>) {
    let (balancers, names) = (Arc::default(), Names::unknown());
    build(revision, configuration, assigned, Surroundings { balancers: &balancers, names: &names }, previous)
}

/// The built snapshot, without plugins.
fn built(configuration: &Configuration, previous: &Snapshot) -> (Snapshot, Vec<Fault>) {
    build_with(7, configuration, &AssignedPlugins::new(), previous)
}

#[test]
fn the_most_specific_assignment_wins_at_each_of_the_twelve_levels() {
    let levels = ["rsc", "rsg", "rc", "sc", "rg", "sg", "rs", "c", "g", "r", "s", ""];
    // From each level down: a consumer of the group gets the first, everybody else the first for everybody.
    for (from, first) in levels.iter().enumerate() {
        let given: Vec<_> = levels.iter().zip(100..).skip(from).collect();
        let plugins = given.iter().map(|(scope, id)| plugin(*id, scope)).collect();
        let configuration =
            configuration(vec![service(SERVICE, json!({}))], vec![route(ROUTE, json!({}))], plugins);
        let assigned = assigned(&configuration);
        let scopes = Scopes::new(&configuration, &assigned);
        let (anybody, callers) = scopes.chosen("p", scopes.key(ROUTE, Some(SERVICE), RouteAge::Live));
        let expected =
            given.iter().find(|(scope, _)| !scope.contains(['c', 'g'])).map(|(_, id)| Uuid::from_u128(*id));
        assert_eq!(anybody, expected, "everybody, from {first:?} down");
        let own = [Caller::Consumer(CONSUMER), Caller::Group(GROUP)].map(|caller| callers.get(&caller));
        let own = own.into_iter().flatten().min_by_key(|(rank, _)| *rank).map(|(_, id)| *id);
        assert_eq!(own.or(anybody), Some(Uuid::from_u128(given[0].1)), "a member, from {first:?} down");
    }
}

#[test]
fn assignments_of_others_take_no_part() {
    let plugins = vec![plugin(100, "r"), plugin(101, "rc"), plugin(102, "c"), plugin(103, "")];
    let configuration = configuration(vec![service(SERVICE, json!({}))], vec![], plugins);
    let assigned = assigned(&configuration);
    let scopes = Scopes::new(&configuration, &assigned);
    let chosen = scopes.chosen("p", scopes.key(OTHER_ROUTE, None, RouteAge::Live));
    let id = Uuid::from_u128;
    let own = HashMap::from([(Caller::Consumer(CONSUMER), (8, id(102)))]);
    assert_eq!(chosen, (Some(id(103)), own));
}

#[test]
fn a_disabled_or_unprepared_assignment_gives_way_to_a_less_specific_one() {
    let mut disabled = plugin(100, "r");
    disabled.insert("enabled".into(), json!(false));
    let plugins = vec![disabled, plugin(101, "rs"), plugin(102, "")];
    let configuration =
        configuration(vec![service(SERVICE, json!({}))], vec![route(ROUTE, json!({}))], plugins);
    let mut assigned = assigned(&configuration);
    assigned.remove(&Uuid::from_u128(101));
    let scopes = Scopes::new(&configuration, &assigned);
    let (anybody, _) = scopes.chosen("p", scopes.key(ROUTE, Some(SERVICE), RouteAge::Live));
    assert_eq!(anybody, Some(Uuid::from_u128(102)));
}

#[test]
fn routes_with_the_same_assignments_share_a_chain() {
    let routes = vec![route(ROUTE, json!({})), route(OTHER_ROUTE, json!({"paths": ["/b"]}))];
    for (case, scope, shared) in
        [("global", "", true), ("of the service", "s", true), ("of one route", "r", false)]
    {
        let configuration =
            configuration(vec![service(SERVICE, json!({}))], routes.clone(), vec![plugin(100, scope)]);
        let (snapshot, faults) =
            build_with(1, &configuration, &assigned(&configuration), &Snapshot::default());
        assert_eq!(faults, []);
        let chains: Vec<_> = snapshot.routes().map(|plan| &plan.chain).collect();
        assert_eq!(Arc::ptr_eq(chains[0], chains[1]), shared, "{case}");
        assert_eq!(
            snapshot.global.is_empty(),
            !scope.is_empty(),
            "unmatched requests meet global plugins only: {case}"
        );
    }
}

#[test]
fn a_plugin_still_being_compiled_guards_new_routes_and_leaves_old_ones_alone() {
    let services = || vec![service(SERVICE, json!({}))];
    let (before, _) =
        built(&configuration(services(), vec![route(ROUTE, json!({}))], vec![]), &Snapshot::default());
    let routes = vec![route(ROUTE, json!({})), route(OTHER_ROUTE, json!({"paths": ["/new"]}))];
    let configuration = configuration(services(), routes, vec![plugin(100, "")]);
    let pending = AssignedPlugins::from([(Uuid::from_u128(100), Assigned::pending(1, OnFailure::Closed))]);
    let (snapshot, _) = build_with(2, &configuration, &pending, &before);
    assert!(find(&snapshot, "/").unwrap().chain.is_empty(), "a route that was live goes on as before");
    assert!(!find(&snapshot, "/new").unwrap().chain.is_empty(), "a new route does not run without it");
}

#[test]
fn broken_objects_are_reported_and_the_rest_goes_live() {
    let mut unreadable = route(Uuid::from_u128(20), json!({}));
    unreadable.insert("protocols".into(), json!(7));
    let off = Uuid::from_u128(30);
    let configuration = configuration(
        vec![service(SERVICE, json!({"host": "bad\nhost"})), service(off, json!({"enabled": false}))],
        vec![
            unreadable,
            route(Uuid::from_u128(21), json!({"paths": ["~/("]})),
            route(Uuid::from_u128(22), json!({"paths": ["/gone"], "service": {"id": Uuid::from_u128(99)}})),
            route(Uuid::from_u128(23), json!({"paths": ["/off"], "service": {"id": off}})),
            route(Uuid::from_u128(24), json!({"paths": ["/none"], "service": null})),
        ],
        vec![],
    );
    let (snapshot, faults) = built(&configuration, &Snapshot::default());
    let mut named: Vec<_> = faults.iter().map(|fault| (fault.kind.as_str(), fault.id.clone())).collect();
    named.sort();
    let id = |id: u128| Uuid::from_u128(id).to_string();
    let want = [("routes", id(20)), ("routes", id(21)), ("routes", id(22)), ("services", id(1))];
    assert_eq!(named, want);
    assert!(find(&snapshot, "/gone").unwrap().upstream.is_none(), "no service: 503");
    assert!(find(&snapshot, "/none").unwrap().upstream.is_none(), "a route without a service: 503");
    assert!(find(&snapshot, "/off").is_none(), "routes of a disabled service are left out");
    let (_, again) = built(&configuration, &snapshot);
    assert_eq!(again.len(), faults.len(), "what is still broken is still reported");
}

#[test]
fn what_did_not_change_is_taken_over() {
    let services = || vec![service(SERVICE, json!({}))];
    let first =
        configuration(services(), vec![route(ROUTE, json!({})), route(OTHER_ROUTE, json!({}))], vec![]);
    let (one, _) = built(&first, &Snapshot::default());
    let mut second = first.clone();
    second.set("routes", &route(OTHER_ROUTE, json!({"preserve_host": true})), &first);
    let (two, _) = built(&second, &one);
    let facts = |snapshot: &Snapshot, at: usize| Arc::clone(&snapshot.routes().nth(at).unwrap().facts);
    assert!(Arc::ptr_eq(&facts(&one, 0), &facts(&two, 0)), "an unchanged route keeps its facts");
    assert!(facts(&two, 1).route.preserve_host, "a changed one has new ones");
    let (three, _) = built(&second, &two);
    assert!(Arc::ptr_eq(&two.routes.router, &three.routes.router), "the router outlives changes of plugins");
}

#[test]
fn upstream_says_where_and_how() {
    for (case, fields, endpoint, header) in [
        ("default port", json!({}), ("up.test", 80, false), "up.test"),
        ("another port", json!({"port": 8080}), ("up.test", 8080, false), "up.test:8080"),
        ("https", json!({"protocol": "https", "port": 443}), ("up.test", 443, true), "up.test"),
        ("IPv6", json!({"host": "[::1]", "port": 8080}), ("::1", 8080, false), "[::1]:8080"),
    ] {
        let configuration = configuration(
            vec![service(SERVICE, fields)],
            vec![route(ROUTE, json!({"paths": ["/"]}))],
            vec![],
        );
        let (snapshot, faults) = built(&configuration, &Snapshot::default());
        assert_eq!(faults, [], "{case}");
        let upstream = find(&snapshot, "/").and_then(|plan| plan.upstream.clone()).expect(case);
        let found = (&*upstream.endpoint.host, upstream.endpoint.port, upstream.endpoint.tls.is_some());
        assert_eq!(found, endpoint, "{case}");
        assert_eq!(upstream.host_header, header, "{case}");
        assert_eq!(upstream.read_timeout.as_millis(), 3000, "{case}");
    }
}

#[test]
fn a_configuration_survives_being_saved() {
    let first = configuration(
        vec![service(SERVICE, json!({}))],
        vec![route(ROUTE, json!({}))],
        vec![plugin(100, "r")],
    );
    let read = |texts: Vec<Arc<str>>| texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let saved = first.texts().into_iter().map(|(kind, texts)| (kind, read(texts))).collect();
    assert_eq!(Configuration::from_documents(&saved, &Configuration::default()), first);
}

/// An assignment of `p` for streams of route and service, with more fields.
fn on_streams(id: u128, scope: &str, fields: Value) -> Document {
    let mut whole = plugin(id, scope);
    whole.extend(document(json!({ "protocols": ["tcp", "udp"] })));
    whole.extend(document(fields));
    whole
}

#[test]
fn what_might_refuse_a_stream_closes_it_and_is_told() {
    let stream =
        || route(ROUTE, json!({"protocols": ["tcp"], "paths": null, "destinations": [{"port": 9000}]}));
    let (none, open) = (json!({}), json!({"sandbox": {"on_failure": "open"}}));
    let for_requests = json!({"protocols": ["http"]});
    for (case, assignment, is_closed, told) in [
        ("of the route", on_streams(100, "r", none.clone()), true, Some("closes the streams")),
        ("of the service", on_streams(100, "s", none.clone()), true, Some("closes the streams")),
        ("global", on_streams(100, "", none.clone()), true, Some("closes the streams")),
        ("of a consumer", on_streams(100, "c", none.clone()), false, None),
        ("switched off", on_streams(100, "r", json!({"enabled": false})), false, None),
        ("for requests", on_streams(100, "r", for_requests), false, None),
        ("may be left out", on_streams(100, "r", open), false, Some("is not called for streams")),
    ] {
        let configuration = configuration(
            vec![service(SERVICE, json!({"protocol": "tcp"}))],
            vec![stream(), route(OTHER_ROUTE, json!({"service": null}))],
            vec![assignment],
        );
        let (snapshot, faults) =
            build_with(7, &configuration, &assigned(&configuration), &Snapshot::default());
        let plan = snapshot.routes().find(|plan| plan.facts.route.id == ROUTE).expect(case);
        assert_eq!(plan.upstream.is_none(), is_closed, "{case}");
        let messages: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(messages.len(), usize::from(told.is_some()), "{case}: {messages:?}");
        assert!(told.is_none_or(|told| messages[0].starts_with(told)), "{case}: {messages:?}");
    }
}

#[test]
fn services_of_requests_and_routes_of_streams_do_not_meet() {
    for (case, service_protocol, protocols, want) in [
        ("a stream to a stream", "tcp", json!(["tcp"]), None),
        ("a stream to TLS", "tls", json!(["tls"]), None),
        ("a stream to requests", "http", json!(["tcp"]), Some("its connections are closed")),
        ("requests to a stream", "udp", json!(["http"]), Some("answers 503")),
    ] {
        let fields = json!({"protocols": protocols, "destinations": [{"port": 9000}]});
        let configuration = configuration(
            vec![service(SERVICE, json!({"protocol": service_protocol}))],
            vec![route(ROUTE, fields)],
            vec![],
        );
        let (snapshot, faults) = built(&configuration, &Snapshot::default());
        assert_eq!(snapshot.routes().next().unwrap().upstream.is_some(), want.is_none(), "{case}");
        let messages: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert!(want.is_none_or(|want| messages[0].starts_with(want)), "{case}: {messages:?}");
    }
}
