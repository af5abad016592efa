//! A table of routes: built whole, never changed, asked for each request.

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
use super::variants::{Order, Variant, ranked};
use super::{RouteIndex, RouteInput, RouteProblem};
use crate::exchange::Capture;
use crate::expression::{Expression, Fields};
use crate::model::Route;

/// Routes, ready to be searched.
#[derive(Debug, Default)]
pub(super) struct Layer {
    hosts: HostTable,
    trie: Trie,
    /// Best first: a candidate's rank is its place in here.
    entries: Vec<Entry>,
    patterns: Patterns,
    /// By their text; taken over like the patterns.
    expressions: HashMap<Box<str>, Arc<Expression>, RandomState>,
    /// What had to be left out.
    problems: Vec<RouteProblem>,
}

/// Routes of a layer that hold no more, as bits; empty where all do.
#[derive(Debug, Default, Clone)]
pub(super) struct Hidden(Vec<u64>);

impl Hidden {
    pub(super) fn hide(&mut self, route: RouteIndex) {
        let word = route.0 as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << (route.0 % 64);
        }
    }

    pub(super) fn has(&self, route: RouteIndex) -> bool {
        self.0.get(route.0 as usize / 64).is_some_and(|bits| bits & (1 << (route.0 % 64)) != 0)
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }
}

/// The best match of a layer.
#[derive(Clone, Copy)]
pub(super) struct Best<'l> {
    layer: &'l Layer,
    entry: &'l Entry,
    /// How many bytes of the path it matched, if its path is plain.
    depth: usize,
}

#[derive(Debug)]
struct Entry {
    index: RouteIndex,
    order: Order,
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

impl Layer {
    /// Builds a layer that takes over the compiled regexes and expressions of `previous`. What cannot be
    /// used is left out.
    pub(super) fn build(routes: &[(RouteIndex, &Route)], previous: &[&Self]) -> Self {
        let mut layer = Self::default();
        let mut buckets = Buckets::new();
        for variant in ranked(routes) {
            if let Err((field, message)) = layer.add(&variant, previous, &mut buckets) {
                layer.problems.push(RouteProblem { index: variant.index, field, message });
            }
        }
        for (pattern, items) in buckets {
            let root = layer.trie.add(items);
            layer.hosts.insert(pattern.as_ref(), root);
        }
        layer
    }

    pub(super) fn problems(&self) -> &[RouteProblem] {
        &self.problems
    }

    /// The best of its routes for a request, but for those that are hidden.
    pub(super) fn best(&self, input: &RouteInput<'_>, path: &[u8], hidden: &Hidden) -> Option<Best<'_>> {
        let mut search = Search { layer: self, hidden, input, path, best: u32::MAX, depth: 0 };
        self.hosts.each(input.host, input.port, |root| search.walk(root));
        let (best, depth) = (search.best, search.depth);
        Some(Best { layer: self, entry: self.entries.get(best as usize)?, depth })
    }

    fn add<'r>(
        &mut self,
        variant: &Variant<'r>,
        previous: &[&Self],
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
        self.entries.push(Entry { index: variant.index, order: variant.order, conditions, paths });
        Ok(())
    }

    /// The expression of a route that is one.
    fn expression(
        &mut self,
        variant: &Variant<'_>,
        previous: &[&Self],
    ) -> Result<Option<Arc<Expression>>, FieldProblem> {
        let (PathWeight::Expression, Some(text)) = (variant.weight, variant.paths.first()) else {
            return Ok(None);
        };
        let before = || previous.iter().find_map(|layer| layer.expressions.get(*text));
        let known = self.expressions.get(*text).or_else(before);
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
        previous: &[&Self],
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
                let before = |text: &str| previous.iter().find_map(|layer| layer.patterns.known(text));
                let added = variant.paths.iter().map(|text| self.patterns.add(text, before));
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

impl Best<'_> {
    /// Whether this one goes before the other.
    pub(super) fn beats(&self, other: &Self) -> bool {
        self.entry.order > other.entry.order
    }

    pub(super) fn index(&self) -> RouteIndex {
        self.entry.index
    }

    /// How many bytes of the path it matched, if it asks for a path, and the captures.
    pub(super) fn measure(
        &self,
        input: &RouteInput<'_>,
        path: &[u8],
    ) -> Option<(Option<usize>, Vec<Capture>)> {
        match &self.entry.paths {
            EntryPaths::None => Some((None, Vec::new())),
            EntryPaths::Plain => Some((Some(self.depth), Vec::new())),
            EntryPaths::Regexes(numbers) => {
                let patterns = numbers.iter().filter_map(|number| self.layer.patterns.get(*number));
                let (length, captures) = patterns.filter_map(|pattern| pattern.captures(path)).next()?;
                Some((Some(length), captures))
            }
            EntryPaths::Expression(expression) => {
                let found = expression.find(&input.facts(path))?;
                let captures = found.captures.into_iter().map(|(name, value)| Capture { name, value });
                Some((found.path, captures.collect()))
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
    layer: &'s Layer,
    hidden: &'s Hidden,
    input: &'s RouteInput<'s>,
    path: &'s [u8],
    /// Rank of the best match so far.
    best: u32,
    /// How many bytes of the path it matched, if its path is plain.
    depth: usize,
}

impl Search<'_> {
    fn walk(&mut self, root: Root) {
        for step in self.layer.trie.steps(root, self.path) {
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
        let entry = self.layer.entries.get(candidate.rank as usize);
        entry
            .is_some_and(|entry| entry.conditions.fit(self.input, self.path) && !self.hidden.has(entry.index))
            && candidate.pattern.is_none_or(|number| {
                self.layer.patterns.get(number).is_some_and(|pattern| pattern.fits(self.path))
            })
    }
}
