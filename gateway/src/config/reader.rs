//! Turns the text of settings into values, and keeps every complaint.

use std::collections::BTreeMap;

use super::origin::{Origin, Raw};
use super::{SETTINGS, SettingError};

/// The texts that won, and what is wrong with them so far.
pub(super) struct Reader {
    raw: BTreeMap<&'static str, Raw>,
    pub(super) errors: Vec<SettingError>,
}

impl Reader {
    pub(super) fn new(raw: BTreeMap<&'static str, Raw>, errors: Vec<SettingError>) -> Self {
        Self { raw, errors }
    }

    /// The text of `name`; its default if nobody set it.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw.get(name).map_or_else(|| default(name), |raw| &raw.text)
    }

    /// Who set `name`.
    pub(super) fn origin(&self, name: &str) -> Origin {
        self.raw.get(name).map_or(Origin::Default, |raw| raw.origin.clone())
    }

    /// Whether somebody set `name`.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.raw.contains_key(name)
    }

    /// The value of `name`. What cannot be read is a complaint, and `T`'s default stands in: with a
    /// complaint on the list, no value leaves this module.
    pub(super) fn read<T: Default>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match parse(self.text(name).trim()) {
            Ok(value) => value,
            Err(allowed) => {
                let problem = self.shown(name);
                self.complain(name, problem, allowed);
                T::default()
            }
        }
    }

    /// Notes that `name` cannot be used.
    pub(super) fn complain(&mut self, name: &str, problem: String, allowed: String) {
        let origin = self.origin(name);
        self.errors.push(SettingError { name: name.to_owned(), origin, problem, allowed });
    }

    /// Each setting that somebody set, with its source.
    pub(super) fn origins(&self) -> BTreeMap<&'static str, Origin> {
        self.raw.iter().map(|(name, raw)| (*name, raw.origin.clone())).collect()
    }

    fn shown(&self, name: &str) -> String {
        let secret = SETTINGS.iter().any(|setting| setting.name == name && setting.secret)
            || matches!(self.origin(name), Origin::Vault(_));
        if secret {
            "this value cannot be used".to_owned()
        } else {
            format!("'{}' cannot be used", self.text(name))
        }
    }
}

fn default(name: &str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default)
}
