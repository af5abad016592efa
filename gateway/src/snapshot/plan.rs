//! The snapshot and the plan of one route.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::served::Served;
use super::{Entity, Fault};
use crate::client::Endpoint;
use crate::exchange::RouteFacts;
use crate::model::{Route, Service};
use crate::plugin_host::Chain;
use crate::router::{RouteInput, RouteMatch, Router};
use crate::tls::Certificates;

/// One configuration, compiled. Immutable; a request uses one from its head to its last byte.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The last write that is in it.
    pub revision: i64,
    /// The plugins of requests that no route matches: the global ones.
    pub global: Arc<Chain>,
    pub(super) router: Arc<Router>,
    /// What `router` had to leave out; taken over together with it.
    pub(super) router_faults: Arc<[Fault]>,
    pub(super) routes: Vec<Arc<RoutePlan>>,
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

/// Where requests go. Balancing will give it more than one endpoint.
#[derive(Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Host, port and TLS.
    pub endpoint: Endpoint,
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

impl Snapshot {
    /// The route for a request.
    pub fn find<'p>(&self, input: &RouteInput<'p>) -> Option<(&Arc<RoutePlan>, RouteMatch<'p>)> {
        let found = self.router.find(input)?;
        let plan = self.routes.get(found.index.0 as usize)?;
        Some((plan, found))
    }

    /// What clients are shown.
    pub fn certificates(&self) -> &Certificates {
        &self.served.table
    }

    /// All routes in it.
    pub fn routes(&self) -> &[Arc<RoutePlan>] {
        &self.routes
    }
}

impl RoutePlan {
    /// Whether its requests can go where its service says. What cannot is reported by each build.
    pub(super) fn is_whole(&self) -> bool {
        self.upstream.is_some() || self.source.service.is_none()
    }
}

impl Source {
    /// Whether both were made from the very same entities.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same_service = match (&self.service, &other.service) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_service && Arc::ptr_eq(&self.route, &other.route)
    }
}
