//! From configuration to snapshot.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use uuid::Uuid;

use super::assigned::{AssignedPlugins, RouteAge};
use super::configuration::{Configuration, Entity};
use super::plan::Source;
use super::scopes::{ChainKey, Scopes};
use super::served::Served;
use super::{Fault, RoutePlan, Snapshot, Upstream};
use crate::client::{Endpoint, TlsVerify};
use crate::exchange::RouteFacts;
use crate::model::{Document, Protocol, Route, Service};
use crate::plugin_host::Chain;
use crate::router::{RouteIndex, Router};

/// Builds the snapshot of `configuration`. What is unchanged since `previous` is taken from there.
///
/// Pure, and never fails as a whole. The faults say what does not work as configured; rows that
/// `configuration` could not read are among them, assignments that did not come to life are not.
pub fn build(
    revision: i64,
    configuration: &Configuration,
    assigned: &AssignedPlugins,
    previous: &Snapshot,
) -> (Snapshot, Vec<Fault>) {
    let mut faults: Vec<Fault> = configuration.faults().collect();
    let mut builder = Builder {
        scopes: Scopes::new(configuration, assigned),
        chains: HashMap::new(),
        upstreams: HashMap::new(),
        known: previous.routes.iter().map(|plan| (plan.facts.route.id, plan)).collect(),
        faults: Vec::new(),
    };
    let routes: Vec<_> =
        configuration.routes.values().filter_map(|route| builder.plan(route, configuration)).collect();
    let global = Arc::new(builder.scopes.global_chain());
    faults.append(&mut builder.faults);
    let (router, router_faults) = router(&routes, previous);
    faults.extend(router_faults.iter().cloned());
    let served = Served::build(configuration, &previous.served);
    faults.extend(served.faults());
    (Snapshot { revision, global, router, router_faults, routes, served }, faults)
}

struct Builder<'c> {
    scopes: Scopes<'c>,
    chains: HashMap<ChainKey, Arc<Chain>>,
    upstreams: HashMap<Uuid, Option<Arc<Upstream>>>,
    known: HashMap<Uuid, &'c Arc<RoutePlan>>,
    faults: Vec<Fault>,
}

impl Builder<'_> {
    /// The plan of one route; `None` if it belongs to a disabled service.
    fn plan(&mut self, route: &Arc<Entity<Route>>, configuration: &Configuration) -> Option<Arc<RoutePlan>> {
        let service = route.value.service.and_then(|id| configuration.services.get(&id));
        if service.is_some_and(|service| !service.value.enabled) {
            return None;
        }
        if let (Some(missing), None) = (route.value.service, service) {
            let message = format!("answers 503, since its service {missing} is not usable");
            self.faults.push(Fault { kind: "routes".into(), id: route.value.id.to_string(), message });
        }
        let source = Source { route: Arc::clone(route), service: service.cloned() };
        let known = self.known.get(&route.value.id).copied();
        let age = if known.is_some() { RouteAge::Live } else { RouteAge::New };
        let key = self.scopes.key(route.value.id, route.value.service, age);
        let chain = Arc::clone(self.chains.entry(key).or_insert_with(|| Arc::new(self.scopes.chain(key))));
        let (facts, upstream) = match known.filter(|known| known.is_whole() && known.source.is(&source)) {
            Some(known) => (Arc::clone(&known.facts), known.upstream.clone()),
            None => (Arc::new(facts(&source)), self.upstream(service)),
        };
        Some(Arc::new(RoutePlan { facts, chain, upstream, source }))
    }

    fn upstream(&mut self, service: Option<&Arc<Entity<Service>>>) -> Option<Arc<Upstream>> {
        let service = service?;
        let made =
            self.upstreams.entry(service.value.id).or_insert_with(|| upstream(&service.value).map(Arc::new));
        if made.is_none() {
            let message = format!("its routes answer 503, since {:?} cannot be sent to", service.value.host);
            let fault = Fault { kind: "services".into(), id: service.value.id.to_string(), message };
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
        made.clone()
    }
}

/// Takes the router over if it was made from the same routes: most changes are none of its business.
fn router(routes: &[Arc<RoutePlan>], previous: &Snapshot) -> (Arc<Router>, Arc<[Fault]>) {
    let same = routes.len() == previous.routes.len()
        && routes.iter().zip(&previous.routes).all(|(a, b)| Arc::ptr_eq(&a.source.route, &b.source.route));
    if same {
        return (Arc::clone(&previous.router), Arc::clone(&previous.router_faults));
    }
    let indexed: Vec<_> =
        (0..).map(RouteIndex).zip(routes.iter().map(|plan| &plan.source.route.value)).collect();
    let (router, problems) = Router::rebuild(&indexed, &previous.router);
    let faults = problems.into_iter().filter_map(|problem| {
        let plan = routes.get(problem.index.0 as usize)?;
        let message = format!("matches nothing, since {} cannot be used: {}", problem.field, problem.message);
        Some(Fault { kind: "routes".into(), id: plan.facts.route.id.to_string(), message })
    });
    (Arc::new(router), faults.collect())
}

fn facts(source: &Source) -> RouteFacts {
    RouteFacts {
        route: source.route.value.clone(),
        service: source.service.as_ref().map(|service| service.value.clone()),
        route_json: json(&source.route.document),
        service_json: source.service.as_ref().map(|service| json(&service.document)),
    }
}

fn json(document: &Document) -> Box<str> {
    serde_json::to_string(document).unwrap_or_default().into()
}

fn upstream(service: &Service) -> Option<Upstream> {
    let (tls, default_port) = match service.protocol {
        Protocol::Http | Protocol::Grpc => (None, 80),
        Protocol::Https | Protocol::Grpcs => {
            let verify = if service.tls_verify == Some(true) { TlsVerify::Full } else { TlsVerify::Off };
            (Some(verify), 443)
        }
        Protocol::Tcp | Protocol::Tls | Protocol::Udp | Protocol::TlsPassthrough => return None,
    };
    let host = service.host.trim_start_matches('[').trim_end_matches(']');
    let shown = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
    };
    let host_header = if service.port == default_port { shown } else { format!("{shown}:{}", service.port) };
    Some(Upstream {
        endpoint: Endpoint { host: host.into(), port: service.port, tls },
        connect_timeout: Duration::from_millis(service.connect_timeout.into()),
        write_timeout: Duration::from_millis(service.write_timeout.into()),
        read_timeout: Duration::from_millis(service.read_timeout.into()),
        retries: service.retries,
        host_header: HeaderValue::from_str(&host_header).ok().filter(|_| !host.is_empty())?,
    })
}
