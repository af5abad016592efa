//! Values of secrets in the configurations of plugins, and their changes.

use serde_json::Value;

use super::loads::Loaded;
use super::{Outcome, Plugins, Wanted};
use crate::plugin_host::AssignmentSpec;
use crate::vault::{VaultError, Vaults};

impl Plugins {
    /// Puts values in the place of references. A secret that cannot be had makes a fault, and is asked
    /// for again on its own time; one whose time is over takes the assignment along that was made with it.
    pub(super) async fn resolve(&mut self, wanted: &mut Wanted) -> Result<(), Outcome> {
        let (true, Some(digest)) = (wanted.spec.has_references(), &wanted.digest) else { return Ok(()) };
        let schema = match self.loads.find(digest) {
            Loaded::Ready(plugin) => plugin.info.config_schema.clone(),
            Loaded::OnItsWay => return Err(Outcome::Pending),
            Loaded::Failed { reason, again } => return Err(Outcome::Broken { reason, again }),
        };
        match self.with_values(wanted.spec.clone(), schema).await {
            Ok(spec) => wanted.spec = spec,
            Err(error) => {
                if error.expired {
                    self.made.remove(&wanted.spec.id);
                }
                return Err(Outcome::Broken { reason: error.to_string(), again: false });
            }
        }
        Ok(())
    }

    /// The spec with values in place of references; they may lie in files.
    pub(super) async fn with_values(
        &mut self,
        spec: AssignmentSpec,
        schema: Value,
    ) -> Result<AssignmentSpec, VaultError> {
        if !spec.has_references() {
            return Ok(spec);
        }
        let vaults = self.vaults.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let (mut spec, mut used) = (spec, Vec::new());
            let resolved = spec.resolve(&schema, &vaults, &mut used);
            (used, resolved.map(|()| spec))
        });
        let broken_off = |_| {
            let reason = "reading it went wrong".to_owned();
            VaultError { reference: "a secret".to_owned(), reason, expired: false }
        };
        let (used, resolved) = reading.await.map_err(broken_off)?;
        self.references.extend(used);
        resolved
    }

    /// Where secrets stand.
    pub(in crate::reload) fn vaults(&self) -> &Vaults {
        &self.vaults
    }

    /// References that others use in the configuration that was prepared last.
    pub(in crate::reload) fn note_references(&mut self, used: Vec<String>) {
        self.references.extend(used);
    }

    /// Whether secrets are in use that may change.
    pub(in crate::reload) fn has_references(&self) -> bool {
        !self.references.is_empty()
    }

    /// Looks at the secrets whose time has come. Whether one is another than before.
    pub(in crate::reload) async fn secrets_changed(&self) -> bool {
        let (vaults, used) = (self.vaults.clone(), self.references.clone());
        tokio::task::spawn_blocking(move || vaults.refresh(&used)).await.unwrap_or(false)
    }
}
