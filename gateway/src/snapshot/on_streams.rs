//! Assignments that are for streams, which no plugin sees.
//!
//! The contract with plugins has no phase of streams. What only writes logs is left out of them, and that is
//! said; what might have refused somebody must not be passed by in silence: the connections of its routes
//! are closed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::configuration::{Configuration, Entity};
use super::{AssignedPlugins, Fault};
use crate::model::{Plugin, Route};
use crate::plugin_host::Phase;

/// The assignments for streams.
pub(super) struct OnStreams<'c> {
    rows: Vec<(&'c Arc<Entity<Plugin>>, bool)>,
    /// Those that apply to a route.
    met: RefCell<BTreeSet<(Uuid, bool)>>,
}

impl<'c> OnStreams<'c> {
    pub(super) fn new(configuration: &'c Configuration, assigned: &AssignedPlugins) -> Self {
        let rows =
            configuration.plugins.values().filter(|row| row.value.enabled && row.value.is_for_streams());
        let rows = rows.map(|row| (row, closes(&row.value, assigned))).collect();
        Self { rows, met: RefCell::default() }
    }

    /// Whether an assignment closes the streams of this route.
    pub(super) fn close(&self, route: &Route) -> bool {
        let apply = |plugin: &Plugin| {
            plugin.consumer.is_none()
                && plugin.consumer_group.is_none()
                && plugin.route.is_none_or(|id| id == route.id)
                && plugin.service.is_none_or(|id| Some(id) == route.service)
        };
        let mut closed = false;
        for (row, closes) in self.rows.iter().filter(|(row, _)| apply(&row.value)) {
            self.met.borrow_mut().insert((row.value.id, *closes));
            closed |= closes;
        }
        closed
    }

    /// What the assignments that apply to a route come to.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let fault = |(id, closes): &(Uuid, bool)| Fault {
            kind: "plugins".into(),
            id: id.to_string(),
            message: if *closes {
                "closes the streams that it is for, since no plugin can see them".to_owned()
            } else {
                "is not called for streams, since no plugin can see them".to_owned()
            },
        };
        self.met.borrow().iter().map(fault).collect()
    }
}

/// Whether streams may not go on without it: unless it only writes logs, or the operator says so.
fn closes(plugin: &Plugin, assigned: &AssignedPlugins) -> bool {
    let said = plugin.sandbox.as_ref().and_then(|sandbox| sandbox.get("on_failure")).and_then(Value::as_str);
    if let Some(said) = said {
        return said != "open";
    }
    let live = assigned.get(&plugin.id).and_then(super::Assigned::live);
    let only_logs =
        live.is_some_and(|live| Phase::ALL.into_iter().all(|phase| phase == Phase::Log || !live.runs(phase)));
    !only_logs
}
