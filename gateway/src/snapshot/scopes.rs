//! Which assignment of each plugin a route runs: Kong's eight levels of precedence.
//!
//! Most specific first: route + service + consumer, route + consumer, service + consumer,
//! route + service, consumer, route, service, global. The levels without a consumer give a slot its
//! default; those with one give it entries by consumer, settled once the caller is known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::assigned::{Assigned, AssignedPlugins, RouteAge};
use super::configuration::Configuration;
use crate::model::Plugin;
use crate::plugin_host::{Chain, Placement, Slot};

/// All assignments that take part, by plugin and scope.
#[derive(Debug)]
pub(super) struct Scopes<'c> {
    plugins: BTreeMap<&'c str, Levels>,
    /// Routes and services that some assignment names: the others share their chains.
    named: HashSet<Uuid>,
    assigned: &'c AssignedPlugins,
    any_pending: bool,
}

/// Assignments of one plugin that name this route and this service, if any.
type Place = (Option<Uuid>, Option<Uuid>);

/// The assignments of one plugin by what they name.
#[derive(Debug, Default)]
struct Levels {
    anybody: HashMap<Place, Uuid>,
    consumers: HashMap<Place, Vec<(Uuid, Uuid)>>,
}

/// Routes with equal keys have equal chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ChainKey {
    route: Option<Uuid>,
    service: Option<Uuid>,
    age: RouteAge,
}

impl<'c> Scopes<'c> {
    /// Sorts the rows of `configuration` that `assigned` has prepared.
    pub(super) fn new(configuration: &'c Configuration, assigned: &'c AssignedPlugins) -> Self {
        let mut plugins: BTreeMap<&str, Levels> = BTreeMap::new();
        let mut named = HashSet::new();
        for plugin in configuration.plugins.values().map(|plugin| &plugin.value) {
            if !plugin.enabled || !assigned.contains_key(&plugin.id) {
                continue;
            }
            named.extend(plugin.route);
            named.extend(plugin.service);
            plugins.entry(&plugin.name).or_default().add(plugin);
        }
        let any_pending = assigned.values().any(|assigned| assigned.is_pending());
        Self { plugins, named, assigned, any_pending }
    }

    /// What tells the chain of a route from others.
    pub(super) fn key(&self, route: Uuid, service: Option<Uuid>, age: RouteAge) -> ChainKey {
        let named = |id: &Uuid| self.named.contains(id);
        // Without a pending assignment the age of a route makes no difference.
        let age = if self.any_pending { age } else { RouteAge::Live };
        ChainKey { route: Some(route).filter(named), service: service.filter(named), age }
    }

    /// The chain of routes with this key.
    pub(super) fn chain(&self, key: ChainKey) -> Chain {
        let slots = self.plugins.keys().filter_map(|name| {
            let (anybody, consumers) = self.chosen(name, key);
            self.slot(name, key.age, anybody, consumers.into_iter())
        });
        Chain::new(slots.collect())
    }

    /// The assignments of one plugin that routes with this key run: for callers that have none of
    /// their own, and by consumer.
    pub(super) fn chosen(&self, plugin: &str, key: ChainKey) -> (Option<Uuid>, HashMap<Uuid, Uuid>) {
        let levels = self.plugins.get(plugin);
        levels.map(|levels| (levels.anybody_at(key), levels.consumers_at(key))).unwrap_or_default()
    }

    /// The chain of requests that no route matches: global assignments alone.
    pub(super) fn global_chain(&self) -> Chain {
        let slots = self.plugins.iter().filter_map(|(name, levels)| {
            let global = levels.anybody.get(&(None, None)).copied();
            self.slot(name, RouteAge::Live, global, std::iter::empty())
        });
        Chain::new(slots.collect())
    }

    fn slot(
        &self,
        name: &str,
        age: RouteAge,
        anybody: Option<Uuid>,
        consumers: impl Iterator<Item = (Uuid, Uuid)>,
    ) -> Option<Slot> {
        let place = |id: Uuid| -> Option<(i32, Placement)> {
            let assigned = self.assigned.get(&id)?;
            Some((assigned.priority, assigned.placement(age)?))
        };
        let consumers: Vec<_> = consumers.collect();
        let rows = consumers.iter().map(|(consumer, id)| (Some(*consumer), *id));
        let rows: Vec<_> = rows.chain(anybody.map(|id| (None, id))).collect();
        let default = anybody.and_then(place);
        let consumers: Vec<_> = consumers
            .into_iter()
            .filter_map(|(consumer, id)| place(id).map(|placed| (consumer, placed)))
            .collect();
        let priorities =
            default.iter().chain(consumers.iter().map(|(_, placed)| placed)).map(|placed| placed.0);
        let priority = priorities.max()?;
        let default = default.map(|placed| placed.1);
        let consumers = consumers.into_iter().map(|(consumer, placed)| (consumer, placed.1));
        let mut slot = Slot::new(Arc::<str>::from(name), priority, default, consumers);
        for (consumer, id) in rows {
            if let Some(canary) = self.assigned.get(&id).and_then(Assigned::canary) {
                slot.try_out(consumer, canary.clone());
            }
        }
        Some(slot)
    }
}

impl Levels {
    fn add(&mut self, plugin: &Plugin) {
        let place = (plugin.route, plugin.service);
        match plugin.consumer {
            Some(consumer) => self.consumers.entry(place).or_default().push((consumer, plugin.id)),
            None => _ = self.anybody.insert(place, plugin.id),
        }
    }

    fn anybody_at(&self, key: ChainKey) -> Option<Uuid> {
        places(key).find_map(|place| self.anybody.get(&place)).copied()
    }

    /// The assignment of each consumer that has one of its own here, however specific.
    fn consumers_at(&self, key: ChainKey) -> HashMap<Uuid, Uuid> {
        let mut chosen = HashMap::new();
        if self.consumers.is_empty() {
            return chosen;
        }
        // Route + service without a consumer goes before a consumer alone.
        let beaten = key.service.is_some()
            && key.route.is_some()
            && self.anybody.contains_key(&(key.route, key.service));
        for place in places(key).filter(|place| !beaten || *place != (None, None)) {
            for (consumer, id) in self.consumers.get(&place).into_iter().flatten() {
                chosen.entry(*consumer).or_insert(*id);
            }
        }
        chosen
    }
}

/// What an assignment for this place may name, most specific first.
fn places(key: ChainKey) -> impl Iterator<Item = Place> {
    let both = key.route.zip(key.service).map(|(route, service)| (Some(route), Some(service)));
    let route = key.route.map(|route| (Some(route), None));
    let service = key.service.map(|service| (None, Some(service)));
    [both, route, service, Some((None, None))].into_iter().flatten()
}
