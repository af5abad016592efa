//! From configuration to snapshot.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use http::HeaderValue;
use uuid::Uuid;

use super::assigned::{AssignedPlugins, RouteAge};
use super::chains::ChainsBuilder;
use super::configuration::{Configuration, Entity};
use super::materials::MaterialsBuilder;
use super::on_streams::OnStreams;
use super::plan::Source;
use super::routes::Planned;
use super::served::Served;
use super::{Destination, Fault, RoutePlan, Snapshot, Surroundings, Upstream};
use crate::client::{Endpoint, Speaks, TlsTo};
use crate::exchange::RouteFacts;
use crate::model::{Protocol, Route, Service};

/// Builds the snapshot of `configuration`. What is unchanged since `previous` is taken from there, so that
/// a change of a few routes costs little more than a look at each of all routes.
///
/// Pure, and never fails as a whole. The faults say what does not work as configured; rows that
/// `configuration` could not read are among them, assignments that did not come to life are not.
pub fn build(
    revision: i64,
    configuration: &Configuration,
    assigned: &AssignedPlugins,
    surroundings: Surroundings<'_>,
    previous: &Snapshot,
) -> (Snapshot, Vec<Fault>) {
    let mut faults: Vec<Fault> = configuration.faults().collect();
    let services = configuration.services.iter().map(|(id, service)| (*id, service));
    let mut builder = Builder {
        chains: ChainsBuilder::new(configuration, assigned, &previous.chains),
        upstreams: HashMap::new(),
        surroundings,
        same_balancers: Arc::ptr_eq(surroundings.balancers, &previous.balancers),
        services: services.collect(),
        materials: MaterialsBuilder::new(configuration, &previous.materials),
        certificates: certificates(configuration),
        on_streams: OnStreams::new(configuration, assigned),
        faults: Vec::new(),
    };
    let mut walk = previous.routes.walk();
    let planned = configuration.routes.iter().filter_map(|(id, route)| {
        let (place, known) = walk.find(*id).unzip();
        Some(Planned { id: *id, place, plan: builder.plan(route, known)? })
    });
    let planned = planned.collect();
    let routes = previous.routes.next(planned);
    let Builder { chains, materials, on_streams, faults: broken, .. } = builder;
    let (chains, global) = chains.finish();
    faults.extend(broken);
    faults.extend(on_streams.faults());
    faults.extend(routes.problems().map(|(plan, problem)| {
        let message = format!("matches nothing, since {} cannot be used: {}", problem.field, problem.message);
        Fault { kind: "routes".into(), id: plan.facts.route.id.to_string(), message }
    }));
    let materials = materials.finish();
    let balancers = Arc::clone(surroundings.balancers);
    let served = Served::build(configuration, &previous.served);
    faults.extend(served.faults());
    (Snapshot { revision, global, chains, routes, materials, balancers, served }, faults)
}

/// The certificates that upstream entities name, by the names of these.
fn certificates(configuration: &Configuration) -> HashMap<&str, Uuid> {
    let upstreams = configuration.upstreams.values().map(|entity| &entity.value);
    upstreams.filter_map(|upstream| Some((upstream.name.as_str(), upstream.client_certificate?))).collect()
}

struct Builder<'c> {
    chains: ChainsBuilder<'c>,
    upstreams: HashMap<Uuid, Option<Arc<Upstream>>>,
    surroundings: Surroundings<'c>,
    /// No upstream entity came or went, so hosts mean what they meant.
    same_balancers: bool,
    services: HashMap<Uuid, &'c Arc<Entity<Service>>, RandomState>,
    materials: MaterialsBuilder<'c>,
    certificates: HashMap<&'c str, Uuid>,
    on_streams: OnStreams<'c>,
    faults: Vec<Fault>,
}

impl Builder<'_> {
    /// The plan of one route; `None` if it belongs to a disabled service.
    fn plan(&mut self, route: &Arc<Entity<Route>>, known: Option<&Arc<RoutePlan>>) -> Option<Arc<RoutePlan>> {
        let service = route.value.service.and_then(|id| self.services.get(&id).copied());
        if service.is_some_and(|service| !service.value.enabled) {
            return None;
        }
        if let (Some(missing), None) = (route.value.service, service) {
            let message = format!("answers 503, since its service {missing} is not usable");
            self.faults.push(Fault { kind: "routes".into(), id: route.value.id.to_string(), message });
        }
        let age = if known.is_some() { RouteAge::Live } else { RouteAge::New };
        let chain = self.chains.of(route.value.id, route.value.service, age);
        let balancers = self.surroundings.balancers;
        let known = known.filter(|known| {
            known.is_whole()
                && known.source.is(route, service)
                && (self.same_balancers || known.leads_to(balancers))
        });
        let is_closed = route.value.is_stream() && self.on_streams.close(&route.value);
        let upstream = match known {
            _ if is_closed => None,
            Some(known) if !known.speaks_tls() => known.upstream.clone(),
            // Its certificates may be others than before.
            Some(_) | None => self.upstream_of(&route.value, service),
        };
        if let Some(known) = known
            && known.is_like(&chain, upstream.as_deref())
        {
            return Some(Arc::clone(known));
        }
        let source = Source { route: Arc::clone(route), service: service.cloned() };
        let facts = known.map_or_else(|| Arc::new(facts(&source)), |known| Arc::clone(&known.facts));
        Some(Arc::new(RoutePlan { facts, chain, upstream, source }))
    }

    /// Kong's rule: a service of the one kind is none to a route of the other.
    fn upstream_of(
        &mut self,
        route: &Route,
        service: Option<&Arc<Entity<Service>>>,
    ) -> Option<Arc<Upstream>> {
        let other = service.filter(|service| service.value.protocol.is_stream() != route.is_stream());
        if let Some(other) = other {
            let service = other.value.id;
            let message = if route.is_stream() {
                format!("its connections are closed, since its service {service} is for requests")
            } else {
                format!("answers 503, since its service {service} is for streams")
            };
            self.faults.push(Fault { kind: "routes".into(), id: route.id.to_string(), message });
            return None;
        }
        self.upstream(service)
    }

    fn upstream(&mut self, service: Option<&Arc<Entity<Service>>>) -> Option<Arc<Upstream>> {
        let service = service?;
        if let Some(made) = self.upstreams.get(&service.value.id) {
            return made.clone();
        }
        let certificate = self.certificates.get(service.value.host.as_str()).copied();
        let made =
            upstream(&service.value, certificate, self.surroundings, &mut self.materials).map(Arc::new);
        if let Err(why) = &made {
            let message = format!("its routes answer 503, since {why}");
            let id = service.value.id.to_string();
            self.faults.push(Fault { kind: "services".into(), id, message });
        }
        let made = made.ok();
        self.upstreams.insert(service.value.id, made.clone());
        made
    }
}

fn facts(source: &Source) -> RouteFacts {
    RouteFacts {
        route: source.route.value.clone(),
        service: source.service.as_ref().map(|service| service.value.clone()),
        route_json: Arc::clone(&source.route.text),
        service_json: source.service.as_ref().map(|service| Arc::clone(&service.text)),
    }
}

fn upstream(
    service: &Service,
    certificate: Option<Uuid>,
    surroundings: Surroundings<'_>,
    materials: &mut MaterialsBuilder<'_>,
) -> Result<Upstream, String> {
    let unfit = || format!("{:?} cannot be sent to", service.host);
    let (tls, speaks, default_port) = match service.protocol {
        Protocol::Http => (false, Speaks::Http1, 80),
        Protocol::Https => (true, Speaks::Http1, 443),
        Protocol::Grpc => (false, Speaks::Http2, 80),
        Protocol::Grpcs => (true, Speaks::Http2, 443),
        // The default ports play no part: nothing in a stream names the host.
        Protocol::Tcp | Protocol::Udp | Protocol::TlsPassthrough => (false, Speaks::Http1, 80),
        Protocol::Tls => (true, Speaks::Http1, 443),
    };
    let host: Arc<str> = service.host.trim_start_matches('[').trim_end_matches(']').into();
    let shown = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        Ok(IpAddr::V4(_)) | Err(_) => host.to_string(),
    };
    let destination = match (surroundings.balancers.get(&host), host.parse()) {
        (Some(balancer), _) => Destination::Balanced(Arc::clone(balancer)),
        (None, Ok(address)) => Destination::Address(SocketAddr::new(address, service.port)),
        (None, Err(_)) => Destination::Name(surroundings.names.name(&host)),
    };
    let address = match destination {
        Destination::Address(address) => Some(address),
        Destination::Name(_) | Destination::Balanced(_) => None,
    };
    let host_header = if service.port == default_port { shown } else { format!("{shown}:{}", service.port) };
    let host_header = HeaderValue::from_str(&host_header).ok().filter(|_| !host.is_empty());
    let profile = tls.then(|| materials.profile(service, certificate, speaks)).transpose()?;
    let tls = profile.map(|profile| TlsTo { name: Arc::clone(&host), profile });
    Ok(Upstream {
        endpoint: Endpoint { host, port: service.port, address, tls, speaks },
        destination,
        connect_timeout: Duration::from_millis(service.connect_timeout.into()),
        write_timeout: Duration::from_millis(service.write_timeout.into()),
        read_timeout: Duration::from_millis(service.read_timeout.into()),
        retries: service.retries,
        host_header: host_header.ok_or_else(unfit)?,
    })
}
