//! What is wrong with the settings: every fault, not only the first.

use std::fmt;

use super::Origin;

/// One setting that cannot be used as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The setting, as it was written.
    pub name: String,
    /// Who said so.
    pub origin: Origin,
    /// What is wrong; never the value of a secret.
    pub problem: String,
    /// What would be right.
    pub allowed: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError(pub Vec<SettingError>);

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.origin, self.problem)?;
        if self.allowed.is_empty() { Ok(()) } else { write!(f, "; {}", self.allowed) }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "{count} {} cannot be used", if count == 1 { "setting" } else { "settings" })?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}
