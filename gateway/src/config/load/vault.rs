//! Settings whose values stand in a vault: the environment, or a file. Read once, at the start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use super::proxy::list;
use crate::config::origin::{Origin, Raw};
use crate::config::{SETTINGS, SettingError};
use crate::vault::{Places, Reference, Vaults};

const FILES: &str = "vault_files";
const ENV_PREFIX: &str = "vault_env_prefix";

/// Puts values in the place of references, but for the settings that say where values are.
pub(super) fn resolve(raw: &mut BTreeMap<&'static str, Raw>, errors: &mut Vec<SettingError>) -> Places {
    let places = places(raw);
    let vaults = Vaults::new(places.clone());
    let meant =
        |name: &str, raw: &Raw| ![FILES, ENV_PREFIX].contains(&name) && Reference::is_meant(raw.text.trim());
    for (name, raw) in raw.iter_mut().filter(|(name, raw)| meant(name, raw)) {
        match vaults.resolve(raw.text.trim()) {
            Ok(value) => {
                let origin = Origin::Vault(raw.text.trim().to_owned());
                *raw = Raw { text: value.expose_secret().to_owned(), origin };
            }
            Err(error) => errors.push(SettingError {
                name: (*name).to_owned(),
                origin: raw.origin.clone(),
                problem: error.to_string(),
                allowed: "allowed: a value, or a reference to one".to_owned(),
            }),
        }
    }
    places
}

fn places(raw: &BTreeMap<&'static str, Raw>) -> Places {
    let text = |name: &str| {
        let usual =
            SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default);
        raw.get(name).map_or(usual, |raw| raw.text.trim())
    };
    Places { env_prefix: text(ENV_PREFIX).to_owned(), files: list(text(FILES)).map(PathBuf::from).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw {
        Raw { text: text.to_owned(), origin: Origin::Environment("WEIR_X".to_owned()) }
    }

    #[test]
    fn references_give_way_to_values_or_to_complaints() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pg"), "hunter22\n").unwrap();
        let files = folder.path().display().to_string();
        let mut all = BTreeMap::from([
            (FILES, raw(&files)),
            ("pg_password", raw("{vault://file/pg}")),
            ("pg_user", raw("{vault://env/weir-no-such}")),
            ("pg_host", raw("{vault://}")),
            ("pg_database", raw("{plain}")),
        ]);
        let mut errors = Vec::new();
        let places = resolve(&mut all, &mut errors);
        assert_eq!(all["pg_password"].text, "hunter22");
        assert_eq!(all["pg_password"].origin.to_string(), "reference {vault://file/pg}");
        assert_eq!(all["pg_database"].text, "{plain}");
        assert_eq!(places.files.len(), 1);
        let said: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("pg_host") && said[1].contains("no variable WEIR_NO_SUCH"), "{said:?}");
    }
}
