//! Answers the route tester of the Admin API from the snapshot that requests see.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Map, Value, json};

use super::stream_test;
use crate::admin::RouteQuestion;
use crate::config::RouterFlavor;
use crate::exchange::{Scheme, hides_dots};
use crate::model::{PathHandling, Route};
use crate::router::{RouteInput, RouteMatch, Verdict, explain};
use crate::snapshot::{RoutePlan, Snapshot};

/// The route that `question` would take, what becomes of its path, and what the other routes say.
pub(super) fn answer(snapshot: &Snapshot, flavor: RouterFlavor, question: &RouteQuestion) -> Value {
    if let Some(protocol) = question.stream {
        return stream_test::answer(snapshot, protocol, question);
    }
    let input = RouteInput {
        method: &question.method,
        host: &question.host,
        port: question.port,
        path: question.target.path(),
        scheme: if question.tls { Scheme::Https } else { Scheme::Http },
        headers: &question.headers,
        sni: question.sni.as_deref(),
        query: question.target.query(),
        source: question.source,
        destination: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), question.port),
    };
    let found = snapshot.find(&input);
    let mut answer = Map::new();
    answer.insert("matched".into(), found.is_some().into());
    answer.insert("revision".into(), snapshot.revision.into());
    let winner = found.as_ref().map(|(plan, _)| &plan.facts.route);
    if let Some((plan, found)) = &found {
        answer.extend(taken(plan, found, &input, flavor));
    } else {
        answer
            .insert("answer".into(), json!({"status": 404, "message": "no Route matched with those values"}));
    }
    answer.insert("others".into(), others(snapshot, winner, &input, question.others));
    Value::Object(answer)
}

/// What happens to a request that a route takes.
fn taken(
    plan: &RoutePlan,
    found: &RouteMatch<'_>,
    input: &RouteInput<'_>,
    flavor: RouterFlavor,
) -> Map<String, Value> {
    let facts = &plan.facts;
    let route = &facts.route;
    let captures: Map<String, Value> =
        found.captures.iter().map(|capture| (capture.name.clone(), capture.value.as_str().into())).collect();
    let path = plan.upstream_path(found, handling(flavor));
    let mut out = Map::new();
    out.insert("route".into(), named(route));
    if let Verdict::Matches { priority } = explain(route, input) {
        out.insert("priority".into(), priority.into());
    }
    let service = facts.service.as_ref().map(|service| json!({"id": service.id, "name": service.name}));
    out.insert("service".into(), service.unwrap_or_default());
    out.insert("captures".into(), captures.into());
    out.insert("matched_path".into(), String::from_utf8_lossy(found.matched_prefix()).into());
    out.insert("upstream_path".into(), path.as_ref().into());
    let answer = if hides_dots(&path) {
        json!({"status": 400, "message": "Bad request"})
    } else if route.is_for_tls_only() && input.scheme == Scheme::Http {
        json!({"status": route.https_redirect_status_code, "message": "Please use HTTPS protocol"})
    } else if plan.upstream.is_none() {
        json!({"status": 503, "message": "no Service found with those values"})
    } else {
        Value::Null
    };
    out.insert("answer".into(), answer);
    out
}

/// The flavour's say on how paths are joined.
pub(super) fn handling(flavor: RouterFlavor) -> PathHandling {
    match flavor {
        RouterFlavor::Traditional => PathHandling::V1,
        RouterFlavor::TraditionalCompatible | RouterFlavor::Expressions => PathHandling::V0,
    }
}

/// The routes that came nearest: those that match too, then those that miss by the least.
fn others(snapshot: &Snapshot, winner: Option<&Route>, input: &RouteInput<'_>, most: usize) -> Value {
    let routes = snapshot.routes().map(|plan| &plan.facts.route);
    let others = routes.filter(|route| winner.is_none_or(|winner| winner.id != route.id));
    let mut verdicts: Vec<_> = others.map(|route| (explain(route, input), route)).collect();
    verdicts.sort_by_key(|(verdict, route)| (distance(verdict), route.id));
    verdicts.truncate(most);
    let told = verdicts.into_iter().map(|(verdict, route)| match verdict {
        Verdict::Matches { priority } => {
            json!({"route": named(route), "matches": true, "priority": priority})
        }
        Verdict::Misses(fields) => json!({"route": named(route), "matches": false, "misses": fields}),
        Verdict::Unusable(field, message) => {
            json!({"route": named(route), "matches": false, "unusable": {field: message}})
        }
    });
    told.collect()
}

fn distance(verdict: &Verdict) -> (usize, u64) {
    match verdict {
        Verdict::Matches { priority } => (0, u64::MAX - priority),
        Verdict::Misses(fields) => (fields.len(), 0),
        Verdict::Unusable(..) => (usize::MAX, 0),
    }
}

fn named(route: &Route) -> Value {
    json!({"id": route.id, "name": route.name})
}
