//! Connection in, route out: Kong's rules for `tcp`, `tls`, `udp` and `tls_passthrough`.
//!
//! Routes are tried one after the other, the best first: gateways have few of them, and a connection
//! is routed once.

use std::cmp::Reverse;
use std::net::SocketAddr;

use uuid::Uuid;

use super::conditions::{Addresses, FieldProblem, server_names};
use super::host::HostPattern;
use super::{RouteIndex, RouteProblem};
use crate::expression::{Expression, Facts, Fields};
use crate::model::{AddressRule, Protocol, Route};

/// What carries a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Tcp,
    /// TLS on TCP, taken off here or passed through.
    Tls,
    /// Datagrams.
    Udp,
}

/// What routes can ask about a connection.
#[derive(Debug, Clone, Copy)]
pub struct StreamInput<'a> {
    /// What carries it. As in Kong, a connection is [`Transport::Tls`] if a server name was seen: one without
    /// is routed like plain TCP.
    pub transport: Transport,
    /// The caller.
    pub source: SocketAddr,
    /// Where the caller connected to.
    pub destination: SocketAddr,
    /// The TLS server name, if the client gave one. It is not looked at without TLS.
    pub sni: Option<&'a str>,
}

/// All routes for streams. Immutable; shared by all workers.
#[derive(Debug, Default)]
pub struct StreamRouter {
    /// Best first.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    order: (u64, Uuid),
    index: RouteIndex,
    carriers: Carriers,
    snis: Box<[HostPattern]>,
    sources: Addresses,
    destinations: Addresses,
    expression: Option<Expression>,
}

/// What may carry the streams of a route.
#[derive(Debug)]
struct Carriers {
    tcp: bool,
    tls: bool,
    udp: bool,
}

impl Carriers {
    /// Attributes are asked whatever protocol a route of TCP lists, as in Kong; only datagrams are kept apart,
    /// which Kong does not. An expression is asked under the protocols of its route, but for one that lists
    /// TLS alone: that one takes plain connections too.
    fn of(route: &Route) -> Self {
        let has = |protocol| route.protocols.contains(&protocol);
        let (tcp, tls) = (has(Protocol::Tcp) || has(Protocol::TlsPassthrough), has(Protocol::Tls));
        let alone = matches!(route.protocols.as_slice(), [Protocol::Tls | Protocol::TlsPassthrough]);
        let strict = route.expression.is_some() && !alone;
        let any = tcp || tls;
        Self {
            tcp: if strict { tcp } else { any },
            tls: if strict { tls } else { any },
            udp: has(Protocol::Udp),
        }
    }

    fn fit(&self, transport: Transport) -> bool {
        match transport {
            Transport::Tcp => self.tcp,
            Transport::Tls => self.tls,
            Transport::Udp => self.udp,
        }
    }
}

impl StreamRouter {
    /// Builds a router from those of `routes` that are for streams. What cannot be used is left out and
    /// reported.
    pub fn build(routes: &[(RouteIndex, &Route)]) -> (Self, Vec<RouteProblem>) {
        let mut entries = Vec::new();
        let mut problems = Vec::new();
        for (index, route) in routes.iter().filter(|(_, route)| route.is_stream()) {
            match Entry::of(*index, route) {
                Ok(entry) => entries.push(entry),
                Err((field, message)) => problems.push(RouteProblem { index: *index, field, message }),
            }
        }
        entries.sort_by_key(|entry| Reverse(entry.order));
        (Self { entries }, problems)
    }

    /// Whether there is no route for streams at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The route for a connection.
    pub fn find(&self, input: &StreamInput<'_>) -> Option<RouteIndex> {
        self.fitting(input).next()
    }

    /// All routes that fit a connection, the best first.
    pub fn fitting(&self, input: &StreamInput<'_>) -> impl Iterator<Item = RouteIndex> {
        self.entries.iter().filter(|entry| entry.fits(input)).map(|entry| entry.index)
    }
}

impl Entry {
    fn of(index: RouteIndex, route: &Route) -> Result<Self, FieldProblem> {
        let expression = route.expression.as_deref().map(|text| Expression::parse(text, Fields::Stream));
        Ok(Self {
            order: (priority(route), route.id),
            index,
            carriers: Carriers::of(route),
            snis: server_names(route)?,
            sources: Addresses::of(route.sources.as_deref(), "sources")?,
            destinations: Addresses::of(route.destinations.as_deref(), "destinations")?,
            expression: expression.transpose().map_err(|error| ("expression", error.to_string()))?,
        })
    }

    fn fits(&self, input: &StreamInput<'_>) -> bool {
        self.carriers.fit(input.transport)
            && self.sni_fits(input)
            && self.sources.fit(input.source)
            && self.destinations.fit(input.destination)
            && self.expression.as_ref().is_none_or(|expression| expression.holds(&facts(input)))
    }

    fn sni_fits(&self, input: &StreamInput<'_>) -> bool {
        if self.snis.is_empty() || input.transport != Transport::Tls {
            return true;
        }
        input.sni.is_some_and(|name| self.snis.iter().any(|sni| sni.fits_name(name)))
    }
}

fn facts<'a>(input: &StreamInput<'a>) -> Facts<'a> {
    let protocol = match input.transport {
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Udp => "udp",
    };
    let StreamInput { source, destination, sni, .. } = *input;
    Facts { protocol, sni, source, destination, http: None }
}

/// Kong's number for streams; the higher wins.
fn priority(route: &Route) -> u64 {
    if route.expression.is_some() {
        return (0xFF << 56) | route.priority;
    }
    let sources = route.sources.as_deref().unwrap_or_default();
    let destinations = route.destinations.as_deref().unwrap_or_default();
    let named = route.snis.as_ref().is_some_and(|snis| !snis.is_empty());
    let both = !sources.is_empty() && !destinations.is_empty();
    (u64::from(named || both) << 61) | (weight(sources) << 4) | weight(destinations)
}

/// An address weighs more than a port, a port more than a range.
fn weight(rules: &[AddressRule]) -> u64 {
    rules.iter().fold(0, |bits, rule| {
        let address = match &rule.ip {
            Some(ip) if ip.contains('/') => 1,
            Some(_) => 8,
            None => 0,
        };
        bits | address | if rule.port.is_some() { 4 } else { 0 }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{indexed, route};
    use super::*;

    fn found(routes: &[Value], transport: Transport, sni: Option<&str>) -> Option<u32> {
        let routes: Vec<_> = routes.iter().zip(1..).map(|(fields, id)| route(id, fields)).collect();
        let (router, problems) = StreamRouter::build(&indexed(&routes));
        assert_eq!(problems, []);
        let (source, destination) = ("10.1.2.3:4000".parse().unwrap(), "192.0.2.1:9000".parse().unwrap());
        router.find(&StreamInput { transport, source, destination, sni }).map(|index| index.0)
    }

    /// Whether a route with these fields, for TCP and TLS unless they say otherwise, takes a stream.
    fn fits(mut fields: Value, transport: Transport, sni: Option<&str>) -> bool {
        let protocols = fields.get("protocols").cloned().unwrap_or(json!(["tcp", "tls"]));
        fields.as_object_mut().unwrap().insert("protocols".into(), protocols);
        found(&[fields], transport, sni).is_some()
    }

    #[test]
    fn one_route_matches_what_all_its_attributes_allow() {
        use Transport::{Tcp, Tls, Udp};
        for (case, fields, transport, sni, want) in [
            ("source address", json!({"sources": [{"ip": "10.1.2.3"}]}), Tcp, None, true),
            ("another address", json!({"sources": [{"ip": "10.1.2.4"}]}), Tcp, None, false),
            ("source range", json!({"sources": [{"ip": "10.0.0.0/8"}]}), Tcp, None, true),
            ("source port", json!({"sources": [{"port": 4000}]}), Tcp, None, true),
            (
                "address and another port",
                json!({"sources": [{"ip": "10.1.2.3", "port": 1}]}),
                Tcp,
                None,
                false,
            ),
            ("one of two", json!({"sources": [{"port": 1}, {"ip": "10.0.0.0/8"}]}), Tcp, None, true),
            ("destination port", json!({"destinations": [{"port": 9000}]}), Tcp, None, true),
            ("another destination", json!({"destinations": [{"port": 9001}]}), Tcp, None, false),
            ("server name", json!({"snis": ["a.com"]}), Tls, Some("a.com"), true),
            ("server name with a dot", json!({"snis": ["a.com."]}), Tls, Some("a.com"), true),
            ("wildcard", json!({"snis": ["*.a.com"]}), Tls, Some("b.a.com"), true),
            ("another name", json!({"snis": ["a.com"]}), Tls, Some("b.com"), false),
            ("no name", json!({"snis": ["a.com"]}), Tls, None, false),
            ("a name says nothing without TLS", json!({"snis": ["a.com"]}), Tcp, None, true),
            ("datagrams", json!({"destinations": [{"port": 9000}]}), Udp, None, false),
            (
                "a route for them",
                json!({"protocols": ["udp"], "destinations": [{"port": 9000}]}),
                Udp,
                None,
                true,
            ),
            (
                "an expression",
                json!({"expression": "net.dst.port == 9000 && net.src.ip in 10.0.0.0/8"}),
                Tcp,
                None,
                true,
            ),
            ("another one", json!({"expression": "net.dst.port == 9001"}), Tcp, None, false),
            ("http", json!({"protocols": ["http"], "paths": ["/"]}), Tcp, None, false),
        ] {
            assert_eq!(fits(fields, transport, sni), want, "{case}");
        }
    }

    #[test]
    fn what_carries_a_stream_matters_as_in_kong() {
        use Transport::{Tcp, Tls};
        for (case, fields, transport, sni, want) in [
            (
                "an expression of a route for TCP asks for TCP",
                json!({"protocols": ["tcp"], "expression": "net.dst.port == 9000"}),
                Tls,
                Some("a.com"),
                false,
            ),
            (
                "one of a route for TLS alone takes plain connections too",
                json!({"protocols": ["tls"], "expression": "net.dst.port == 9000"}),
                Tcp,
                None,
                true,
            ),
            (
                "one of a route for pass-through alone takes what has a name",
                json!({"protocols": ["tls_passthrough"], "expression": "tls.sni == \"a.com\""}),
                Tls,
                Some("a.com"),
                true,
            ),
            (
                "attributes of a route for TCP take TLS",
                json!({"protocols": ["tcp"], "destinations": [{"port": 9000}]}),
                Tls,
                Some("a.com"),
                true,
            ),
            (
                "pass-through by name",
                json!({"protocols": ["tls_passthrough"], "snis": ["*.a.com"]}),
                Tls,
                Some("x.a.com"),
                true,
            ),
            ("an IPv6 source in a range", json!({"sources": [{"ip": "2001:db8::/32"}]}), Tcp, None, false),
            (
                "both ends must fit",
                json!({"sources": [{"ip": "10.1.2.3"}], "destinations": [{"port": 9001}]}),
                Tcp,
                None,
                false,
            ),
        ] {
            assert_eq!(fits(fields, transport, sni), want, "{case}");
        }
    }

    #[test]
    fn the_better_route_wins() {
        for (case, better, worse) in [
            (
                "server name",
                json!({"snis": ["a.com"]}),
                json!({"sources": [{"ip": "10.1.2.3", "port": 4000}]}),
            ),
            (
                "both ends",
                json!({"sources": [{"ip": "10.0.0.0/8"}], "destinations": [{"port": 9000}]}),
                json!({"sources": [{"ip": "10.1.2.3"}]}),
            ),
            (
                "source over destination",
                json!({"sources": [{"port": 4000}]}),
                json!({"destinations": [{"ip": "192.0.2.1", "port": 9000}]}),
            ),
            (
                "address over port",
                json!({"sources": [{"ip": "10.1.2.3"}]}),
                json!({"sources": [{"port": 4000}]}),
            ),
            (
                "port over range",
                json!({"sources": [{"port": 4000}]}),
                json!({"sources": [{"ip": "10.0.0.0/8"}]}),
            ),
            ("expression", json!({"expression": "net.dst.port == 9000"}), json!({"snis": ["a.com"]})),
        ] {
            let whole = |fields: &Value| {
                let mut fields = fields.clone();
                fields.as_object_mut().unwrap().insert("protocols".into(), json!(["tls"]));
                fields
            };
            for (want, routes) in [(0, [whole(&better), whole(&worse)]), (1, [whole(&worse), whole(&better)])]
            {
                assert_eq!(found(&routes, Transport::Tls, Some("a.com")), Some(want), "{case}");
            }
        }
        let same = json!({"protocols": ["tcp"], "destinations": [{"port": 9000}]});
        assert_eq!(found(&[same.clone(), same], Transport::Tcp, None), Some(1), "the greater id");
    }
}
