//! The router itself: built from routes, asked for each request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::conditions::{Conditions, FieldProblem};
use super::host::{HostKind, HostPattern};
use super::host_table::HostTable;
use super::patterns::Patterns;
use super::priority::PathWeight;
use super::trie::{Candidate, Item, Root, Trie};
use super::variants::{Variant, ranked};
use super::{RouteIndex, RouteInput, RouteMatch, normalize_path};
use crate::exchange::Capture;
use crate::expression::{Expression, Fields};
use crate::model::Route;

/// All routes, ready to be searched. Immutable; shared by all workers.
#[derive(Debug, Default)]
pub struct Router {
    hosts: HostTable,
    trie: Trie,
    /// Best first: a candidate's rank is its place in here.
    entries: Vec<Entry>,
    patterns: Patterns,
    /// By their text; taken over like the patterns.
    expressions: HashMap<Box<str>, Arc<Expression>, RandomState>,
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

#[derive(Debug)]
struct Entry {
    index: RouteIndex,
    conditions: Conditions,
    paths: EntryPaths,
}

/// How an entry's match is measured.
#[derive(Debug)]
enum EntryPaths {
    None,
    Plain,
    /// In the order of the route: the first that matches gives the captures.
    Regexes(Box<[u32]>),
    /// What the expression made of the path.
    Expression(Arc<Expression>),
}

/// The prefixes of each host pattern, gathered while the router is built.
type Buckets<'r> = HashMap<Option<HostPattern>, Vec<Item<'r>>>;

impl Router {
    /// Builds a router. What cannot be used is left out and reported.
    pub fn build(routes: &[(RouteIndex, &Route)]) -> (Self, Vec<RouteProblem>) {
        Self::rebuild(routes, &Self::default())
    }

    /// Builds a router that takes over the compiled regexes of `previous`.
    pub fn rebuild(routes: &[(RouteIndex, &Route)], previous: &Self) -> (Self, Vec<RouteProblem>) {
        let mut router = Self::default();
        let mut buckets = Buckets::new();
        let mut problems = Vec::new();
        for variant in ranked(routes) {
            if let Err((field, message)) = router.add(&variant, previous, &mut buckets) {
                problems.push(RouteProblem { index: variant.index, field, message });
            }
        }
        for (pattern, items) in buckets {
            let root = router.trie.add(items);
            router.hosts.insert(pattern.as_ref(), root);
        }
        (router, problems)
    }

    /// The route for a request. Called once for each; allocates only for a path out of normal form
    /// and for captures.
    pub fn find<'p>(&self, input: &RouteInput<'p>) -> Option<RouteMatch<'p>> {
        let path = normalize_path(input.path);
        let mut search = Search { router: self, input, path: &path, best: u32::MAX, depth: 0 };
        self.hosts.each(input.host, input.port, |root| search.walk(root));
        let (best, depth) = (search.best, search.depth);
        let entry = self.entries.get(best as usize)?;
        let (matched, captures) = match &entry.paths {
            EntryPaths::None => (None, Vec::new()),
            EntryPaths::Plain => (Some(depth), Vec::new()),
            EntryPaths::Regexes(numbers) => {
                let patterns = numbers.iter().filter_map(|number| self.patterns.get(*number));
                let (length, captures) = patterns.filter_map(|pattern| pattern.captures(&path)).next()?;
                (Some(length), captures)
            }
            EntryPaths::Expression(expression) => {
                let found = expression.find(&input.facts(&path))?;
                let captures = found.captures.into_iter().map(|(name, value)| Capture { name, value });
                (found.path, captures.collect())
            }
        };
        Some(RouteMatch { index: entry.index, path, matched, captures })
    }

    fn add<'r>(
        &mut self,
        variant: &Variant<'r>,
        previous: &Self,
        buckets: &mut Buckets<'r>,
    ) -> Result<(), FieldProblem> {
        let rank = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let expression = self.expression(variant, previous)?;
        let hosts = match &expression {
            Some(expression) => bounding_hosts(expression),
            None => host_patterns(variant.route)?,
        };
        let (paths, items) = match &expression {
            Some(expression) => {
                (EntryPaths::Expression(Arc::clone(expression)), bounding_items(expression, rank))
            }
            None => self.items(variant, rank, previous)?,
        };
        let conditions = Conditions::of(variant.route, expression)?;
        for host in hosts {
            buckets.entry(host).or_default().extend(items.iter().cloned());
        }
        self.entries.push(Entry { index: variant.index, conditions, paths });
        Ok(())
    }

    /// The expression of a route that is one.
    fn expression(
        &mut self,
        variant: &Variant<'_>,
        previous: &Self,
    ) -> Result<Option<Arc<Expression>>, FieldProblem> {
        let (PathWeight::Expression, Some(text)) = (variant.weight, variant.paths.first()) else {
            return Ok(None);
        };
        let known = self.expressions.get(*text).or_else(|| previous.expressions.get(*text));
        let expression = match known {
            Some(expression) => Arc::clone(expression),
            None => {
                let parsed = Expression::parse(text, Fields::Http);
                Arc::new(parsed.map_err(|error| ("expression", error.to_string()))?)
            }
        };
        self.expressions.insert((*text).into(), Arc::clone(&expression));
        Ok(Some(expression))
    }

    fn items<'r>(
        &mut self,
        variant: &Variant<'r>,
        rank: u32,
        previous: &Self,
    ) -> Result<(EntryPaths, Vec<Item<'r>>), FieldProblem> {
        let plain = Candidate { rank, pattern: None };
        match variant.weight {
            PathWeight::NoPath | PathWeight::Expression => {
                Ok((EntryPaths::None, vec![(Cow::Borrowed(b"".as_slice()), plain)]))
            }
            PathWeight::Plain(_) => {
                let items = variant.paths.iter().map(|path| (Cow::Borrowed(path.as_bytes()), plain));
                Ok((EntryPaths::Plain, items.collect()))
            }
            PathWeight::Regex => {
                let added = variant.paths.iter().map(|text| self.patterns.add(text, &previous.patterns));
                let numbers = added.collect::<Result<Box<[u32]>, _>>();
                let numbers = numbers.map_err(|error| ("paths", error.to_string()))?;
                let items = numbers.iter().map(|number| {
                    let prefix =
                        self.patterns.get(*number).map(|pattern| pattern.prefix()).unwrap_or_default();
                    (Cow::Owned(prefix.to_vec()), Candidate { rank, pattern: Some(*number) })
                });
                let items = items.collect();
                Ok((EntryPaths::Regexes(numbers), items))
            }
        }
    }
}

/// Where an expression is looked for: below the hosts that it asks for.
fn bounding_hosts(expression: &Expression) -> Vec<Option<HostPattern>> {
    let Some(hosts) = expression.bounds().hosts else { return vec![None] };
    hosts.into_iter().map(|host| Some(HostPattern { kind: HostKind::Exact(host), port: None })).collect()
}

/// And below the prefixes.
fn bounding_items<'r>(expression: &Expression, rank: u32) -> Vec<Item<'r>> {
    let candidate = Candidate { rank, pattern: None };
    let Some(prefixes) = expression.bounds().prefixes else {
        return vec![(Cow::Borrowed(b"".as_slice()), candidate)];
    };
    prefixes.into_iter().map(|prefix| (Cow::Owned(prefix.into_vec()), candidate)).collect()
}

fn host_patterns(route: &Route) -> Result<Vec<Option<HostPattern>>, FieldProblem> {
    let hosts = route.hosts.as_deref().unwrap_or_default();
    if hosts.is_empty() {
        return Ok(vec![None]);
    }
    let parsed = hosts.iter().map(|host| {
        let pattern = HostPattern::parse(host).ok_or_else(|| ("hosts", format!("{host:?} is no host")))?;
        Ok(Some(pattern))
    });
    parsed.collect()
}

/// One look-up under way.
struct Search<'s> {
    router: &'s Router,
    input: &'s RouteInput<'s>,
    path: &'s [u8],
    /// Rank of the best match so far.
    best: u32,
    /// How many bytes of the path it matched, if its path is plain.
    depth: usize,
}

impl Search<'_> {
    fn walk(&mut self, root: Root) {
        for step in self.router.trie.steps(root, self.path) {
            if step.best >= self.best {
                return;
            }
            let better = step.candidates.iter().take_while(|candidate| candidate.rank < self.best);
            if let Some(winner) = better.into_iter().find(|candidate| self.fits(candidate)) {
                (self.best, self.depth) = (winner.rank, step.depth);
            }
        }
    }

    fn fits(&self, candidate: &Candidate) -> bool {
        let entry = self.router.entries.get(candidate.rank as usize);
        entry.is_some_and(|entry| entry.conditions.fit(self.input, self.path))
            && candidate.pattern.is_none_or(|number| {
                self.router.patterns.get(number).is_some_and(|pattern| pattern.fits(self.path))
            })
    }
}
