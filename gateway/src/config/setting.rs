//! What a setting is.

use super::catalog::settings;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// In the file as written here, in the environment in capitals after `WEIR_`.
    pub name: &'static str,
    /// In the form in which it would be written.
    pub default: &'static str,
    /// Of a bare number, or what kind of text it is.
    pub unit: &'static str,
    /// For the reader of `docs/configuration.md`.
    pub meaning: &'static str,
    /// Whether Kong has it too, so that `KONG_` works as well.
    pub kong: bool,
    /// Kong's other names for it.
    pub aliases: &'static [&'static str],
    /// Never shown; may be given as a file by a variable with `_FILE` at its end.
    pub secret: bool,
}

pub(super) const fn kongs(
    name: &'static str,
    default: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, default, unit, meaning, kong: true, aliases: &[], secret: false }
}

pub(super) const fn ours(
    name: &'static str,
    default: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, default, unit, meaning, kong: false, aliases: &[], secret: false }
}

impl Setting {
    pub(super) const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    pub(super) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The setting called `name`, by its own name or by another of Kong's.
    pub fn find(name: &str) -> Option<&'static Self> {
        settings().find(|setting| setting.name == name || setting.aliases.contains(&name))
    }

    /// The row of this setting in `docs/configuration.md`.
    pub fn row(&self) -> String {
        let default = if self.default.is_empty() { String::new() } else { format!("`{}`", self.default) };
        let kong = if self.kong || !self.aliases.is_empty() { "yes" } else { "" };
        format!("| `{}` | {default} | {} | {kong} | {} |", self.name, self.unit, self.meaning)
    }
}
