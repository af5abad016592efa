//! The router itself: a large table of routes, and a small one of those that changed since it was made.
//!
//! To build the large one takes time in proportion to all routes, so a change of a few leaves it as it
//! is: what it has of them is hidden, and they stand in the small one. When that is no longer small,
//! both become one.

use std::sync::Arc;

use super::layer::{Hidden, Layer};
use super::{RouteIndex, RouteInput, RouteMatch, normalize_path};
use crate::model::Route;

/// A router of so many routes is built anew with each change: that takes some milliseconds.
const FEW: usize = 2_000;
/// The small table has at most one in so many of all routes.
const SHARE: usize = 50;

/// All routes, ready to be searched. Immutable; shared by all workers.
#[derive(Debug, Default)]
pub struct Router {
    whole: Arc<Layer>,
    /// Routes that `whole` has and that changed or went since.
    hidden: Hidden,
    /// Routes that came or changed since.
    newer: Option<Layer>,
    /// Which these are.
    newer_routes: Vec<RouteIndex>,
}

/// Why a route, or a part of it, is not in the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteProblem {
    /// The route.
    pub index: RouteIndex,
    /// The field that cannot be used.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Router {
    /// Builds a router. What cannot be used is left out and reported.
    pub fn build(routes: &[(RouteIndex, &Route)]) -> (Self, Vec<RouteProblem>) {
        let router = Self::rebuild(routes, &Self::default());
        let problems = router.problems().cloned().collect();
        (router, problems)
    }

    /// Builds a router in one piece that takes over the compiled regexes of `previous`.
    pub fn rebuild(routes: &[(RouteIndex, &Route)], previous: &Self) -> Self {
        let whole = Layer::build(routes, &previous.layers());
        Self { whole: Arc::new(whole), ..Self::default() }
    }

    /// The routes that stand in the small table of this router, and of those that are made from it.
    pub fn newer(&self) -> &[RouteIndex] {
        &self.newer_routes
    }

    /// Whether it has a small table beside the large one, or holes in that: each costs a look-up something.
    pub fn is_layered(&self) -> bool {
        self.newer.is_some() || self.hidden.count() > 0
    }

    /// Whether a router of `all` routes is better built in one piece than with so many more changes.
    #[must_use]
    pub fn is_due(&self, all: usize, changes: usize) -> bool {
        all <= FEW || self.hidden.count() + self.newer_routes.len() + changes > all / SHARE
    }

    /// This router with changes: without the routes `touched`, in whatever form it had them, and with
    /// `newer` in its small table. Takes time in proportion to these.
    #[must_use]
    pub fn with(&self, touched: &[RouteIndex], newer: &[(RouteIndex, &Route)]) -> Self {
        let mut hidden = self.hidden.clone();
        touched.iter().for_each(|route| hidden.hide(*route));
        let layer = (!newer.is_empty()).then(|| Layer::build(newer, &self.layers()));
        let newer_routes = newer.iter().map(|(index, _)| *index).collect();
        Self { whole: Arc::clone(&self.whole), hidden, newer: layer, newer_routes }
    }

    /// What is left out.
    pub fn problems(&self) -> impl Iterator<Item = &RouteProblem> {
        let standing = self.whole.problems().iter().filter(|problem| !self.hidden.has(problem.index));
        standing.chain(self.newer.iter().flat_map(Layer::problems))
    }

    /// The route for a request. Called once for each; allocates only for a path out of normal form
    /// and for captures.
    pub fn find<'p>(&self, input: &RouteInput<'p>) -> Option<RouteMatch<'p>> {
        let path = normalize_path(input.path);
        let mut best = self.whole.best(input, &path, &self.hidden);
        if let Some(newer) = &self.newer {
            let other = newer.best(input, &path, &Hidden::default());
            let beaten = other.is_some_and(|other| best.is_none_or(|best| other.beats(&best)));
            best = if beaten { other } else { best };
        }
        let best = best?;
        let (matched, captures) = best.measure(input, &path)?;
        Some(RouteMatch { index: best.index(), path, matched, captures })
    }

    fn layers(&self) -> Vec<&Layer> {
        std::iter::once(&*self.whole).chain(&self.newer).collect()
    }
}
