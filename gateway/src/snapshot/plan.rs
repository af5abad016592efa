//! The snapshot and the plan of one route.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::Entity;
use super::chains::Chains;
use super::materials::Materials;
use super::routes::Routes;
use super::served::Served;
use crate::balancer::{Balancer, Balancers};
use crate::client::Endpoint;
use crate::dns::{Name, Names};
use crate::exchange::RouteFacts;
use crate::model::{PathHandling, Route, Service};
use crate::plugin_host::Chain;
use crate::router::{RouteInput, RouteMatch, StreamInput};
use crate::tls::Certificates;

/// One configuration, compiled. Immutable; a request uses one from its head to its last byte.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The last write that is in it.
    pub revision: i64,
    /// The plugins of requests that no route matches: the global ones.
    pub global: Arc<Chain>,
    pub(super) chains: Chains,
    pub(super) routes: Routes,
    pub(super) materials: Materials,
    pub(super) balancers: Arc<Balancers>,
    pub(super) served: Arc<Served>,
}

/// What happens to requests of one route.
#[derive(Debug)]
pub struct RoutePlan {
    /// The route and its service, for logs and plugins.
    pub facts: Arc<RouteFacts>,
    /// Its plugins.
    pub chain: Arc<Chain>,
    /// Where its requests go; `None` for a route without a usable service.
    pub upstream: Option<Arc<Upstream>>,
    pub(super) source: Source,
}

/// The entities that a plan was made from: as long as they are the same, so is the plan.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) route: Arc<Entity<Route>>,
    pub(super) service: Option<Arc<Entity<Service>>>,
}

/// Where requests go, and how long each step may take.
#[derive(Debug)]
pub struct Upstream {
    /// Host, port and TLS as the service has them; complete if its host is an address.
    pub endpoint: Endpoint,
    /// What its host stands for.
    pub destination: Destination,
    /// For a new connection.
    pub connect_timeout: Duration,
    /// Between two writes.
    pub write_timeout: Duration,
    /// Between two reads.
    pub read_timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// What the upstream sees as Host unless the client's own is preserved.
    pub host_header: HeaderValue,
}

/// What the host of a service stands for.
#[derive(Debug, Clone)]
pub enum Destination {
    /// An address: nothing is left to choose.
    Address(SocketAddr),
    /// A name: one of its addresses in turn.
    Name(Arc<Name>),
    /// An upstream entity: one of its targets.
    Balanced(Arc<Balancer>),
}

/// What a snapshot leads to besides entities of its own.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The balancers of upstream entities.
    pub balancers: &'a Arc<Balancers>,
    /// The names of hosts.
    pub names: &'a Names,
}

impl Snapshot {
    /// The balancer of the upstream entity with this name.
    pub fn balancer(&self, name: &str) -> Option<&Arc<Balancer>> {
        self.balancers.get(name)
    }

    /// The route for a request.
    pub fn find<'p>(&self, input: &RouteInput<'p>) -> Option<(&Arc<RoutePlan>, RouteMatch<'p>)> {
        self.routes.find(input)
    }

    /// The route for a stream.
    pub fn find_stream(&self, input: &StreamInput<'_>) -> Option<&Arc<RoutePlan>> {
        self.routes.at(self.routes.streams.find(input)?)
    }

    /// All routes that fit a stream, the best first.
    pub fn streams(&self, input: &StreamInput<'_>) -> impl Iterator<Item = &Arc<RoutePlan>> {
        self.routes.streams.fitting(input).filter_map(|index| self.routes.at(index))
    }

    /// What clients are shown.
    pub fn certificates(&self) -> &Certificates {
        &self.served.table
    }

    /// Whether look-ups cost more than they would in a router of one piece.
    pub fn is_layered(&self) -> bool {
        self.routes.router.is_layered()
    }

    /// The same with a router of one piece, which takes time in proportion to all routes.
    #[must_use]
    pub fn in_one_piece(self) -> Self {
        let routes = self.routes.in_one_piece(&self.routes.router);
        Self { routes, ..self }
    }

    /// All routes in it, in the order of their ids.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<RoutePlan>> {
        self.routes.iter_from(0)
    }

    /// At most `count` routes, without the `first` ones of [`Snapshot::routes`].
    pub fn some_routes(&self, first: usize, count: usize) -> impl Iterator<Item = &Arc<RoutePlan>> {
        self.routes.iter_from(first).take(count)
    }

    /// How many there are.
    pub fn route_count(&self) -> usize {
        self.routes.count()
    }
}

impl RoutePlan {
    /// Whether its destination is still what the host of its service stands for: an upstream entity of
    /// that name may have come or gone.
    pub(super) fn leads_to(&self, balancers: &Balancers) -> bool {
        let Some(upstream) = &self.upstream else { return true };
        match (&upstream.destination, balancers.get(&upstream.endpoint.host)) {
            (Destination::Balanced(known), Some(now)) => Arc::ptr_eq(known, now),
            (Destination::Address(_) | Destination::Name(_), now) => now.is_none(),
            (Destination::Balanced(_), None) => false,
        }
    }

    /// The path for the upstream of a request that this route takes. `latest` is the newest way of
    /// joining paths that is honoured: with [`PathHandling::V0`] routes have no say.
    pub fn upstream_path<'m>(&self, found: &'m RouteMatch<'_>, latest: PathHandling) -> Cow<'m, str> {
        let RouteFacts { route, service, .. } = &*self.facts;
        let handling = if latest == PathHandling::V0 { latest } else { route.path_handling };
        let base = service.as_ref().and_then(|service| service.path.as_deref());
        found.upstream_path(base, route.strip_path, handling)
    }

    /// Whether its requests can go where its service says. What cannot is reported by each build.
    pub(super) fn is_whole(&self) -> bool {
        self.upstream.is_some() || self.source.service.is_none()
    }

    /// Whether the router finds the other in the same way.
    pub(super) fn is_routed_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source.route, &other.source.route)
    }

    /// Whether it runs this chain, and shows and believes the certificates of that upstream. What it was made
    /// from is the same.
    pub(super) fn is_like(&self, chain: &Arc<Chain>, upstream: Option<&Upstream>) -> bool {
        let profile = |upstream: Option<&Upstream>| {
            upstream.and_then(|upstream| upstream.endpoint.tls.as_ref()).map(|tls| tls.profile.clone())
        };
        Arc::ptr_eq(&self.chain, chain)
            && self.upstream.is_some() == upstream.is_some()
            && (!self.speaks_tls() || profile(self.upstream.as_deref()) == profile(upstream))
    }

    /// Whether it depends on certificates as well.
    pub fn speaks_tls(&self) -> bool {
        self.upstream.as_ref().is_some_and(|upstream| upstream.endpoint.tls.is_some())
    }
}

impl Source {
    /// Whether it is these very entities.
    pub(super) fn is(&self, route: &Arc<Entity<Route>>, service: Option<&Arc<Entity<Service>>>) -> bool {
        let same_service = match (&self.service, service) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_service && Arc::ptr_eq(&self.route, route)
    }
}
