//! What the operator is told about plugins that misbehave.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::assignment::Core;

/// Assignments that are listed one by one; more are only counted.
const MAX_LISTED: usize = 100;

/// An assignment that is not called as usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conducted {
    /// Id of the row of `plugins`.
    pub id: Uuid,
    /// Name of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Workers that do not call it for now, since most of its last calls failed.
    pub resting: u32,
    /// Its calls run in the slow lane, since they used up their guest time.
    pub away: bool,
}

/// How the assignments of this node behave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConductReport {
    /// Those that are not called as usual, a hundred at most.
    pub listed: Vec<Conducted>,
    /// How many those are, listed or not.
    pub unusual: usize,
    /// Times that a breaker opened, by plugin, of the assignments that there are now.
    pub opened: BTreeMap<String, u64>,
}

impl ConductReport {
    pub(super) fn of(cores: impl Iterator<Item = Arc<Core>>) -> Self {
        let mut report = Self::default();
        for core in cores {
            let info = &core.plugin.info;
            let times = core.conduct.times_opened();
            if times > 0 {
                *report.opened.entry(info.name.clone()).or_default() += times;
            }
            let (resting, away) = (core.conduct.open_breakers(), core.conduct.is_away());
            if resting == 0 && !away {
                continue;
            }
            report.unusual += 1;
            if report.listed.len() < MAX_LISTED {
                let (plugin, version) = (info.name.clone(), info.version.clone());
                report.listed.push(Conducted { id: core.id, plugin, version, resting, away });
            }
        }
        report
    }
}
