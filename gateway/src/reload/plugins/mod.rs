//! Brings the rows of `plugins` to life, and hands on those that did not change: warm instances and
//! counters belong to an assignment and live as long as it does.
//!
//! A row that cannot run any more as configured keeps running as before if it did; a row that never
//! ran fails by its policy.

mod candidates;
mod loads;
mod secrets;
mod wanted;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use self::loads::{Loaded, Loads};
use self::wanted::{Catalogue, Wanted};
use super::blobs::Blobs;
use crate::model::Admitted;
use crate::plugin_host::{AssignError, AssignmentSpec, Host, Placement, Trust};
use crate::snapshot::{Assigned, AssignedPlugins, Configuration, Fault};
use crate::vault::Vaults;

/// The assignments of the live snapshot, and the components behind them.
pub(super) struct Plugins {
    host: Host,
    loads: Loads,
    bundled: Arc<[Admitted]>,
    made: HashMap<Uuid, Made>,
    candidates: HashMap<Uuid, Made>,
    vaults: Vaults,
    /// References in the live configurations.
    references: Vec<String>,
}

/// An assignment that runs.
#[derive(Debug)]
struct Made {
    digest: String,
    spec: AssignmentSpec,
    assigned: Assigned,
}

/// What became of all rows.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) assigned: AssignedPlugins,
    pub(super) faults: Vec<Fault>,
    /// Rows that wait for their component.
    pub(super) pending: usize,
    /// Something failed that may work later.
    pub(super) again: bool,
}

impl Plugins {
    pub(super) fn new(
        (host, trust): (Host, Arc<Trust>),
        bundled: Vec<Admitted>,
        blobs: Blobs,
        vaults: Vaults,
    ) -> Self {
        let loads = Loads::new((host.clone(), trust), blobs);
        let (made, candidates, references) = (HashMap::new(), HashMap::new(), Vec::new());
        Self { loads, host, bundled: bundled.into(), made, candidates, vaults, references }
    }

    /// Prepares the rows of `configuration`. Waits up to `patience` for components that are not
    /// loaded; they go on being loaded after that.
    pub(super) async fn prepare(&mut self, configuration: &Configuration, patience: Duration) -> Prepared {
        let bundled = Arc::clone(&self.bundled);
        let catalogue = Catalogue::new(configuration, &bundled);
        let (first, later) = catalogue.digests();
        self.loads.start(first.iter().chain(&later), |digest| catalogue.signatures(digest));
        self.loads.wait(&first, patience).await;
        self.vaults.configure(configuration.vaults.values().map(|vault| &vault.value));
        self.references.clear();
        let mut prepared = Prepared::default();
        let mut made = HashMap::new();
        let mut candidates = HashMap::new();
        for row in configuration.plugins.values().filter(|row| row.value.enabled) {
            let mut wanted = catalogue.wanted(&row.value);
            let outcome = match self.resolve(&mut wanted).await {
                Ok(()) => self.bring_to_life(&wanted).await,
                Err(outcome) => outcome,
            };
            let (assigned, kept) = self.settle(wanted, outcome, &mut prepared);
            made.extend(kept.map(|kept| (row.value.id, kept)));
            let canary = self.try_out(&catalogue, row, &mut candidates, &mut prepared).await;
            prepared.assigned.insert(row.value.id, assigned.with_canary(canary));
        }
        self.made = made;
        self.candidates = candidates;
        prepared.again |= self.loads.failed_for_now();
        prepared
    }

    /// Waits for the next component to be loaded; for ever if none is on its way.
    pub(super) async fn loaded(&mut self) {
        self.loads.next().await;
    }

    /// Gives components another chance that failed for reasons that may have passed.
    pub(super) fn try_again(&mut self) {
        self.loads.forgive();
    }

    async fn bring_to_life(&self, wanted: &Wanted) -> Outcome {
        let Some(digest) = &wanted.digest else {
            return Outcome::Broken { reason: wanted.missing(), again: false };
        };
        let same = |made: &&Made| made.digest == *digest && made.spec == wanted.spec;
        let id = &wanted.spec.id;
        if let Some(made) = self.made.get(id).filter(same) {
            return Outcome::Kept(made.assigned.clone());
        }
        // A candidate that becomes the active version brings its warm instances along.
        if let Some(made) = self.candidates.get(id).filter(same) {
            return Outcome::New(made.assigned.clone());
        }
        let plugin = match self.loads.find(digest) {
            Loaded::Ready(plugin) => plugin,
            Loaded::OnItsWay => return Outcome::Pending,
            Loaded::Failed { reason, again } => return Outcome::Broken { reason, again },
        };
        match self.host.assign(&plugin, &wanted.spec).await {
            Ok(assignment) => {
                Outcome::New(Assigned::done(assignment.priority(), Placement::Live(assignment)))
            }
            Err(error) => {
                let again = matches!(error, AssignError::Configure(_));
                let mut reason = error.to_string();
                wanted.spec.hidden.redact(&mut reason);
                Outcome::Broken { reason, again }
            }
        }
    }

    /// What a request meets, and what is kept for the next time.
    fn settle(
        &mut self,
        wanted: Wanted,
        outcome: Outcome,
        prepared: &mut Prepared,
    ) -> (Assigned, Option<Made>) {
        let id = wanted.spec.id;
        let (reason, instead) = match outcome {
            Outcome::Kept(assigned) => return (assigned, self.made.remove(&id)),
            Outcome::New(assigned) => {
                let digest = wanted.digest.unwrap_or_default();
                let made = Made { digest, spec: wanted.spec, assigned: assigned.clone() };
                return (assigned, Some(made));
            }
            Outcome::Pending => {
                prepared.pending += 1;
                (
                    "its component is still being compiled".to_owned(),
                    Assigned::pending(wanted.priority, wanted.on_failure),
                )
            }
            Outcome::Broken { reason, again } => {
                prepared.again |= again;
                let placement =
                    Placement::Broken { on_failure: wanted.on_failure, reason: reason.as_str().into() };
                (reason, Assigned::done(wanted.priority, placement))
            }
        };
        let before = self.made.remove(&id);
        let meanwhile = match &before {
            Some(_) => "goes on as configured before",
            None if instead.is_pending() => "is not live yet",
            None => "fails as its policy says",
        };
        let message = format!("plugin {} {meanwhile}: {reason}", wanted.name);
        prepared.faults.push(Fault { kind: "plugins".into(), id: id.to_string(), message });
        (before.as_ref().map_or(instead, |before| before.assigned.clone()), before)
    }
}

/// What became of one row.
enum Outcome {
    /// It runs as before.
    Kept(Assigned),
    /// It runs from now on.
    New(Assigned),
    /// Its component is being loaded.
    Pending,
    /// It cannot run.
    Broken { reason: String, again: bool },
}
