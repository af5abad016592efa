//! The plans of routes, each at a place that it keeps while the router knows it by that.

use std::sync::Arc;

use uuid::Uuid;

use super::RoutePlan;
use crate::router::{RouteIndex, RouteInput, RouteMatch, RouteProblem, Router, StreamRouter};

/// All plans, and the router that finds them.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// By place; `None` where a route was.
    places: Vec<Option<Arc<RoutePlan>>>,
    /// The places in the order of the routes' ids.
    order: Vec<(Uuid, RouteIndex)>,
    pub(super) router: Arc<Router>,
    pub(super) streams: Arc<StreamRouter>,
    stream_problems: Arc<[RouteProblem]>,
}

/// A plan, and where the routes before had it.
pub(super) struct Planned {
    pub(super) id: Uuid,
    pub(super) place: Option<RouteIndex>,
    pub(super) plan: Arc<RoutePlan>,
}

/// Looks routes up that are asked for in the order of their ids.
pub(super) struct Walk<'r> {
    routes: &'r Routes,
    left: &'r [(Uuid, RouteIndex)],
}

impl<'r> Walk<'r> {
    /// The place and the plan of a route that was there before.
    pub(super) fn find(&mut self, id: Uuid) -> Option<(RouteIndex, &'r Arc<RoutePlan>)> {
        while let Some(((first, place), rest)) = self.left.split_first() {
            if *first > id {
                return None;
            }
            self.left = rest;
            if *first == id {
                return Some((*place, self.routes.at(*place)?));
            }
        }
        None
    }
}

impl Routes {
    pub(super) fn walk(&self) -> Walk<'_> {
        Walk { routes: self, left: &self.order }
    }

    /// The next ones: `planned` is all of them in the order of their ids. What it costs beyond a look at
    /// each of them is in proportion to what changed.
    pub(super) fn next(&self, planned: Vec<Planned>) -> Self {
        let mut next = Self { places: vec![None; self.places.len()], ..Self::default() };
        next.order.reserve_exact(planned.len());
        let (mut changed, mut count) = (Vec::new(), 0);
        for Planned { id, place, plan } in planned {
            count += 1;
            let before = place.and_then(|place| self.at(place));
            let place = place.unwrap_or_else(|| number(next.places.len()));
            if before.is_none_or(|before| !before.is_routed_as(&plan)) {
                changed.push(place);
            }
            next.order.push((id, place));
            match next.places.get_mut(place.0 as usize) {
                Some(free) => *free = Some(plan),
                None => next.places.push(Some(plan)),
            }
        }
        let places = (0..).map(RouteIndex).zip(self.places.iter().zip(&next.places));
        let gone = places.filter(|(_, (before, now))| before.is_some() && now.is_none());
        let gone: Vec<RouteIndex> = gone.map(|(place, _)| place).collect();
        if changed.is_empty() && gone.is_empty() {
            next.router = Arc::clone(&self.router);
            next.streams = Arc::clone(&self.streams);
            next.stream_problems = Arc::clone(&self.stream_problems);
        } else if self.router.is_due(count, changed.len() + gone.len()) {
            return next.in_one_piece(&self.router);
        } else {
            next.router = next.changed(&self.router, &changed, &gone);
            next.route_streams();
        }
        next
    }

    fn changed(&self, router: &Router, changed: &[RouteIndex], gone: &[RouteIndex]) -> Arc<Router> {
        let mut newer: Vec<RouteIndex> = router.newer().iter().chain(changed).copied().collect();
        newer.sort_unstable();
        newer.dedup();
        let newer: Vec<_> =
            newer.iter().filter_map(|place| Some((*place, &self.at(*place)?.source.route.value))).collect();
        let touched: Vec<RouteIndex> = changed.iter().chain(gone).copied().collect();
        Arc::new(router.with(&touched, &newer))
    }

    /// The same with a router that has one table, and no place without a plan.
    pub(super) fn in_one_piece(&self, router: &Router) -> Self {
        let mut next = Self::default();
        for (id, place) in &self.order {
            let Some(plan) = self.at(*place) else { continue };
            next.order.push((*id, number(next.places.len())));
            next.places.push(Some(Arc::clone(plan)));
        }
        let indexed: Vec<_> =
            (0..).map(RouteIndex).zip(next.iter_from(0).map(|plan| &plan.source.route.value)).collect();
        next.router = Arc::new(Router::rebuild(&indexed, router));
        next.route_streams();
        next
    }

    /// Builds the router of streams, which is one of few routes.
    fn route_streams(&mut self) {
        let of_streams = self.order.iter().filter_map(|(_, place)| {
            let route = &self.at(*place)?.source.route.value;
            route.is_stream().then_some((*place, route))
        });
        let of_streams: Vec<_> = of_streams.collect();
        let (streams, problems) = StreamRouter::build(&of_streams);
        self.streams = Arc::new(streams);
        self.stream_problems = problems.into();
    }

    pub(super) fn find<'p>(&self, input: &RouteInput<'p>) -> Option<(&Arc<RoutePlan>, RouteMatch<'p>)> {
        let found = self.router.find(input)?;
        Some((self.at(found.index)?, found))
    }

    /// All of them in the order of their ids, but for the first ones.
    pub(super) fn iter_from(&self, first: usize) -> impl Iterator<Item = &Arc<RoutePlan>> {
        self.order.iter().skip(first).filter_map(|(_, place)| self.at(*place))
    }

    pub(super) fn count(&self) -> usize {
        self.order.len()
    }

    /// What the router leaves out, with its route.
    pub(super) fn problems(&self) -> impl Iterator<Item = (&Arc<RoutePlan>, &RouteProblem)> {
        let problems = self.router.problems().chain(&*self.stream_problems);
        problems.filter_map(|problem| Some((self.at(problem.index)?, problem)))
    }

    pub(super) fn at(&self, place: RouteIndex) -> Option<&Arc<RoutePlan>> {
        self.places.get(place.0 as usize)?.as_ref()
    }
}

/// Nobody has four thousand million routes.
fn number(place: usize) -> RouteIndex {
    RouteIndex(u32::try_from(place).unwrap_or(u32::MAX))
}
