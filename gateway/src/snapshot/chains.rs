//! The chains of routes, kept for as long as the assignments are the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::assigned::{AssignedPlugins, RouteAge, same_assigned};
use super::configuration::{Configuration, Entity};
use super::scopes::{ChainKey, Scopes};
use crate::model::Plugin;
use crate::plugin_host::Chain;

/// Chains, and what they were made from.
#[derive(Debug, Default)]
pub(super) struct Chains {
    rows: BTreeMap<Uuid, Arc<Entity<Plugin>>>,
    assigned: AssignedPlugins,
    made: HashMap<ChainKey, Arc<Chain>>,
    global: Arc<Chain>,
}

/// The next ones in the making.
pub(super) struct ChainsBuilder<'c> {
    scopes: Scopes<'c>,
    chains: Chains,
    /// Most routes have the chain of the one before.
    last: Option<(ChainKey, Arc<Chain>)>,
}

impl<'c> ChainsBuilder<'c> {
    pub(super) fn new(
        configuration: &'c Configuration,
        assigned: &'c AssignedPlugins,
        previous: &Chains,
    ) -> Self {
        let scopes = Scopes::new(configuration, assigned);
        let same = !scopes.any_pending() && previous.are_of(configuration, assigned);
        let (made, global) = match same {
            true => (previous.made.clone(), Arc::clone(&previous.global)),
            false => (HashMap::new(), Arc::new(scopes.global_chain())),
        };
        let rows = configuration.plugins.clone();
        Self { scopes, chains: Chains { rows, assigned: assigned.clone(), made, global }, last: None }
    }

    /// The chain of a route.
    pub(super) fn of(&mut self, route: Uuid, service: Option<Uuid>, age: RouteAge) -> Arc<Chain> {
        let key = self.scopes.key(route, service, age);
        if let Some((_, chain)) = self.last.as_ref().filter(|(last, _)| *last == key) {
            return Arc::clone(chain);
        }
        let made = self.chains.made.entry(key).or_insert_with(|| Arc::new(self.scopes.chain(key)));
        let chain = Arc::clone(made);
        self.last = Some((key, Arc::clone(&chain)));
        chain
    }

    /// All chains, and that of requests without a route.
    pub(super) fn finish(self) -> (Chains, Arc<Chain>) {
        let global = Arc::clone(&self.chains.global);
        (self.chains, global)
    }
}

impl Chains {
    fn are_of(&self, configuration: &Configuration, assigned: &AssignedPlugins) -> bool {
        let (mine, rows) = (self.rows.values(), configuration.plugins.values());
        mine.len() == rows.len()
            && mine.zip(rows).all(|(one, other)| Arc::ptr_eq(one, other))
            && same_assigned(&self.assigned, assigned)
    }
}
