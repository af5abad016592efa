//! Answers the route tester for streams.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::admin::RouteQuestion;
use crate::model::{Protocol, Route};
use crate::router::{StreamInput, Transport};
use crate::snapshot::Snapshot;

/// The route that a stream of `question` would take, and those that fit it too.
pub(super) fn answer(snapshot: &Snapshot, protocol: Protocol, question: &RouteQuestion) -> Value {
    let sni = question.sni.as_deref().filter(|_| question.tls);
    let transport = if protocol == Protocol::Udp {
        Transport::Udp
    } else if sni.is_some() {
        Transport::Tls
    } else {
        // As on a listener: without a name it is routed like plain TCP.
        Transport::Tcp
    };
    let destination: IpAddr = question.host.parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let destination = SocketAddr::new(destination, question.port);
    let input = StreamInput { transport, source: question.source, destination, sni };
    let mut fitting = snapshot.streams(&input);
    let Some(plan) = fitting.next() else {
        return json!({
            "matched": false, "revision": snapshot.revision, "others": [],
            "answer": {"status": 500, "message": "no Route found with those values"},
        });
    };
    let facts = &plan.facts;
    let ends =
        facts.route.protocols.iter().any(|one| matches!(one, Protocol::Tls | Protocol::TlsPassthrough));
    let answer = if protocol == Protocol::Tls && !ends {
        json!({"status": 500, "message": "unexpected protocols in matched Route"})
    } else if plan.upstream.is_none() {
        json!({"status": 503, "message": "no Service found with those values"})
    } else {
        Value::Null
    };
    let service = facts.service.as_ref().map(|service| json!({"id": service.id, "name": service.name}));
    let others = fitting.take(question.others);
    let others: Value =
        others.map(|plan| json!({"route": named(&plan.facts.route), "matches": true})).collect();
    json!({
        "matched": true, "revision": snapshot.revision, "route": named(&facts.route), "service": service,
        "answer": answer, "others": others,
    })
}

fn named(route: &Route) -> Value {
    json!({"id": route.id, "name": route.name})
}
