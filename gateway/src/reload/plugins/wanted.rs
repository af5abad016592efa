//! What a row of `plugins` asks for: which component, with what.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::model::{self, Admitted, CustomPlugin, PluginVersion};
use crate::plugin_host::{AssignmentSpec, Cause, FailurePolicy, OnFailure, Share};
use crate::snapshot::Configuration;

/// Components by the name that assignments use. An upload hides a bundled one of its name.
pub(super) struct Catalogue<'c> {
    uploads: HashMap<&'c str, &'c CustomPlugin>,
    bundled: HashMap<&'c str, &'c PluginVersion>,
    assigned: BTreeSet<&'c str>,
}

/// What one row asks for.
pub(super) struct Wanted {
    pub(super) name: String,
    /// The component; `None` if there is none.
    pub(super) digest: Option<String>,
    pub(super) spec: AssignmentSpec,
    /// For the place in the chain of what cannot run.
    pub(super) priority: i32,
    /// What a request gets that meets what cannot run.
    pub(super) on_failure: OnFailure,
}

impl<'c> Catalogue<'c> {
    pub(super) fn new(configuration: &'c Configuration, bundled: &'c [Admitted]) -> Self {
        let uploads = configuration.custom_plugins.values().map(|upload| &upload.value);
        let rows = configuration.plugins.values().map(|row| &row.value);
        Self {
            uploads: uploads.map(|upload| (upload.name.as_str(), upload)).collect(),
            bundled: bundled.iter().map(|plugin| (plugin.name.as_str(), &plugin.version)).collect(),
            assigned: rows.filter(|row| row.enabled).map(|row| row.name.as_str()).collect(),
        }
    }

    /// Digests of components that assignments run, and of uploads that they may run next: the active and
    /// the newest version of each upload are loaded before somebody asks for them.
    pub(super) fn digests(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let assigned = self.bundled.iter().filter(|(name, _)| self.assigned.contains(*name));
        let mut first: BTreeSet<_> = assigned.map(|(_, version)| version.digest.clone()).collect();
        let mut later = BTreeSet::new();
        for (name, upload) in &self.uploads {
            let active = upload.active().map(|version| version.digest.clone());
            if self.assigned.contains(name) {
                first.extend(active);
            } else {
                later.extend(active);
            }
            later.extend(upload.candidate().map(|(_, version)| version.digest.clone()));
            later.extend(upload.versions.last().map(|version| version.digest.clone()));
        }
        (first, later)
    }

    /// Signatures of the component with this digest, under whichever name.
    pub(super) fn signatures(&self, digest: &str) -> Vec<String> {
        let versions = self.uploads.values().flat_map(|upload| &upload.versions);
        let mut all: Vec<_> = versions
            .filter(|version| version.digest == digest)
            .flat_map(|version| version.signatures.clone())
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// The candidate that is tried out in place of the row's active version.
    pub(super) fn candidate(
        &self,
        row: &model::Plugin,
    ) -> Option<(&'c CustomPlugin, &'c PluginVersion, Share)> {
        let upload = self.uploads.get(row.name.as_str())?;
        let (canary, version) = upload.candidate()?;
        Some((upload, version, Share::new(upload.id, canary)))
    }

    pub(super) fn wanted(&self, row: &model::Plugin) -> Wanted {
        let config = serde_json::to_string(&row.config).unwrap_or_default();
        let mut spec = AssignmentSpec::new(row.id, config);
        spec.sandbox = row.sandbox.clone().unwrap_or_default();
        let (mut digest, mut priority, mut only_logs) = (None, 0, false);
        if let Some(upload) = self.uploads.get(row.name.as_str()) {
            spec.defaults = defaults(upload);
            if let Some(version) = upload.active() {
                digest = Some(version.digest.clone());
                priority = version.default_priority;
                only_logs = version.phases == ["log"];
            }
        } else if let Some(version) = self.bundled.get(row.name.as_str()) {
            spec.bundled = true;
            digest = Some(version.digest.clone());
            priority = version.default_priority;
            only_logs = version.phases == ["log"];
        }
        let on_failure = policy(&spec, only_logs);
        Wanted { name: row.name.clone(), digest, spec, priority, on_failure }
    }
}

impl Wanted {
    /// Why there is no component.
    pub(super) fn missing(&self) -> String {
        format!("this node has no plugin {}, or none of its versions is active", self.name)
    }
}

fn defaults(upload: &CustomPlugin) -> Value {
    let fields = [
        ("grants", upload.grants.clone()),
        ("limits", upload.limits.clone()),
        ("on_failure", upload.on_failure.clone().map(Value::String)),
    ];
    let set = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(set.collect::<Map<_, _>>())
}

/// The row's own policy, else the upload's, else by kind: what only logs does not stop requests.
fn policy(spec: &AssignmentSpec, only_logs: bool) -> OnFailure {
    let sources = [&spec.defaults, &spec.sandbox];
    let says = |source: &&Value| {
        let by_cause = source.get("on_failure_by_cause").and_then(|causes| causes.get("load"));
        [source.get("on_failure"), by_cause].into_iter().flatten().any(Value::is_string)
    };
    if only_logs && !sources.iter().any(says) {
        return OnFailure::Open;
    }
    // A policy that cannot be read is no reason to let requests pass.
    FailurePolicy::read(sources).map_or(OnFailure::Closed, |policy| policy.of(Cause::Load))
}
