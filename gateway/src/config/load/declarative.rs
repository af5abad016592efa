//! The configuration that a gateway without a database begins with.

use secrecy::SecretString;

use crate::config::reader::Reader;
use crate::config::settings::{Database, DeclarativeText};

/// Read here and not later, when the process has given up its right to files elsewhere.
pub(super) fn read(reader: &mut Reader, database: &Database) -> Option<DeclarativeText> {
    let path = reader.text("declarative_config").trim().to_owned();
    let text = reader.text("declarative_config_string").to_owned();
    if !matches!(database, Database::Off { .. }) {
        return None;
    }
    if path.is_empty() {
        let given = DeclarativeText {
            name: "declarative_config_string".to_owned(),
            text: SecretString::from(text.clone()),
        };
        return (!text.trim().is_empty()).then_some(given);
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(DeclarativeText { name: path, text: SecretString::from(text) }),
        Err(error) => {
            let allowed = "allowed: a readable file in YAML or JSON".to_owned();
            reader.complain("declarative_config", format!("{path}: {error}"), allowed);
            None
        }
    }
}
