//! Which assignment of each plugin a route runs: Kong's twelve levels of precedence.
//!
//! Most specific first: route + service + consumer, route + service + group, route + consumer,
//! service + consumer, route + group, service + group, route + service, consumer, group, route, service,
//! global. The levels for everybody give a slot its default; those for a consumer or a group give it entries
//! by caller, settled once the caller is known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::assigned::{Assigned, AssignedPlugins, RouteAge};
use super::configuration::Configuration;
use crate::model::Plugin;
use crate::plugin_host::{Caller, Chain, Placement, Rank, Slot};

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
    callers: HashMap<Place, Vec<(Caller, Uuid)>>,
}

/// The assignments of one plugin for callers that have one of their own, with how specific they are.
pub(super) type Own = HashMap<Caller, (Rank, Uuid)>;

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
            if !plugin.enabled || !plugin.is_for_requests() || !assigned.contains_key(&plugin.id) {
                continue;
            }
            named.extend(plugin.route);
            named.extend(plugin.service);
            plugins.entry(&plugin.name).or_default().add(plugin);
        }
        let any_pending = assigned.values().any(|assigned| assigned.is_pending());
        Self { plugins, named, assigned, any_pending }
    }

    /// Whether some assignment waits for its component.
    pub(super) fn any_pending(&self) -> bool {
        self.any_pending
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
            let (anybody, callers) = self.chosen(name, key);
            self.slot(name, key.age, anybody, &callers)
        });
        Chain::new(slots.collect())
    }

    /// The assignments of one plugin that routes with this key run: for callers that have none of
    /// their own, and by caller.
    pub(super) fn chosen(&self, plugin: &str, key: ChainKey) -> (Option<Uuid>, Own) {
        let levels = self.plugins.get(plugin);
        levels.map(|levels| (levels.anybody_at(key), levels.callers_at(key))).unwrap_or_default()
    }

    /// The chain of requests that no route matches: global assignments alone.
    pub(super) fn global_chain(&self) -> Chain {
        let slots = self.plugins.iter().filter_map(|(name, levels)| {
            let global = levels.anybody.get(&(None, None)).copied();
            self.slot(name, RouteAge::Live, global, &Own::new())
        });
        Chain::new(slots.collect())
    }

    fn slot(&self, name: &str, age: RouteAge, anybody: Option<Uuid>, callers: &Own) -> Option<Slot> {
        let place = |id: Uuid| -> Option<(i32, Placement)> {
            let assigned = self.assigned.get(&id)?;
            Some((assigned.priority, assigned.placement(age)?))
        };
        let default = anybody.and_then(place);
        let placed: Vec<_> = callers
            .iter()
            .filter_map(|(caller, (rank, id))| place(*id).map(|placed| (*caller, *rank, placed)))
            .collect();
        let priorities =
            default.iter().chain(placed.iter().map(|(_, _, placed)| placed)).map(|placed| placed.0);
        let priority = priorities.max()?;
        let default = default.map(|placed| placed.1);
        let placed = placed.into_iter().map(|(caller, rank, placed)| (caller, rank, placed.1));
        let mut slot = Slot::new(Arc::<str>::from(name), priority, default, placed);
        let rows = callers.iter().map(|(caller, (_, id))| (Some(*caller), *id));
        for (caller, id) in rows.chain(anybody.map(|id| (None, id))) {
            if let Some(canary) = self.assigned.get(&id).and_then(Assigned::canary) {
                slot.try_out(caller, canary.clone());
            }
        }
        Some(slot)
    }
}

impl Levels {
    fn add(&mut self, plugin: &Plugin) {
        let place = (plugin.route, plugin.service);
        let consumer = plugin.consumer.map(Caller::Consumer);
        // One that names both is for the consumer, who need not be in the group.
        match consumer.or(plugin.consumer_group.map(Caller::Group)) {
            Some(caller) => self.callers.entry(place).or_default().push((caller, plugin.id)),
            None => _ = self.anybody.insert(place, plugin.id),
        }
    }

    fn anybody_at(&self, key: ChainKey) -> Option<Uuid> {
        places(key).find_map(|place| self.anybody.get(&place)).copied()
    }

    /// The assignment of each caller that has one of its own here, however specific.
    fn callers_at(&self, key: ChainKey) -> Own {
        let mut chosen = Own::new();
        if self.callers.is_empty() {
            return chosen;
        }
        // Route + service for everybody goes before a consumer or a group alone.
        let beaten = key.service.is_some()
            && key.route.is_some()
            && self.anybody.contains_key(&(key.route, key.service));
        for place in places(key).filter(|place| !beaten || *place != (None, None)) {
            for (caller, id) in self.callers.get(&place).into_iter().flatten() {
                chosen.entry(*caller).or_insert((rank(place, *caller), *id));
            }
        }
        chosen
    }
}

/// The level of an assignment that is not for everybody, in Kong's order.
fn rank((route, service): Place, caller: Caller) -> Rank {
    match (route.is_some(), service.is_some(), caller) {
        (true, true, Caller::Consumer(_)) => 1,
        (true, true, Caller::Group(_)) => 2,
        (true, false, Caller::Consumer(_)) => 3,
        (false, true, Caller::Consumer(_)) => 4,
        (true, false, Caller::Group(_)) => 5,
        (false, true, Caller::Group(_)) => 6,
        (false, false, Caller::Consumer(_)) => 8,
        (false, false, Caller::Group(_)) => 9,
    }
}

/// What an assignment for this place may name, most specific first.
fn places(key: ChainKey) -> impl Iterator<Item = Place> {
    let both = key.route.zip(key.service).map(|(route, service)| (Some(route), Some(service)));
    let route = key.route.map(|route| (Some(route), None));
    let service = key.service.map(|service| (None, Some(service)));
    [both, route, service, Some((None, None))].into_iter().flatten()
}
