//! Secrets that an assignment may use: by name, from the environment or a file of this node.
//!
//! They are read when the assignment is made, by way of vaults where there are any. Their values are never part of the configuration, of an
//! error, or of a line in the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretSlice};

use super::parameters::Parameters;
use super::{GrantedValues, Hidden};
use crate::plugin_host::AssignError;

/// Names of one grant.
const MAX_NAMES: usize = 32;
/// Bytes of one secret.
const MAX_BYTES: u64 = 64 << 10;
/// Shorter values are not looked for in what is logged: they would be found everywhere.
const MIN_REDACTED: usize = 4;
const REDACTED: &str = "[secret]";

/// One secret.
pub(crate) struct Secret {
    value: SecretSlice<u8>,
    /// The plugin may see it.
    revealed: bool,
}

/// The secrets of one assignment, by the names that its plugin uses, and the values in its configuration
/// that came out of vaults.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    named: BTreeMap<String, Arc<Secret>>,
    hidden: Hidden,
}

impl Secret {
    /// Its bytes, for work on the host.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.value.expose_secret()
    }

    /// Its bytes for the plugin, if the operator allowed that.
    pub(crate) fn reveal(&self) -> Option<&[u8]> {
        self.revealed.then(|| self.bytes())
    }
}

impl Secrets {
    /// Reads `names` (a name -> a reference) and `reveal` (names) of a grant. What vaults do not know is read
    /// where it stands.
    pub(super) fn read(parameters: &mut Parameters, known: &GrantedValues) -> Result<Self, AssignError> {
        let references = parameters.map("names")?;
        let revealed = parameters.maybe_texts("reveal")?.unwrap_or_default();
        if references.len() > MAX_NAMES {
            return Err(parameters.wrong(format!("one grant names {MAX_NAMES} secrets at most")));
        }
        if let Some(name) = revealed.iter().find(|name| references.iter().all(|(known, _)| known != *name)) {
            return Err(parameters.wrong(format!("`reveal` has `{name}`, which `names` has not")));
        }
        let mut secrets = BTreeMap::new();
        for (name, reference) in references {
            let value =
                find(&reference, known).map_err(|reason| parameters.wrong(format!("`{name}`: {reason}")))?;
            let revealed = revealed.contains(&name);
            secrets.insert(name, Arc::new(Secret { value: value.into(), revealed }));
        }
        Ok(Self { named: secrets, hidden: Hidden::default() })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Secret>> {
        self.named.get(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.hidden.is_empty()
    }

    /// The same with values that are never shown.
    pub(super) fn hiding(&self, hidden: &Hidden) -> Self {
        Self { hidden: hidden.clone(), ..self.clone() }
    }

    /// Puts a mark in place of every value of a secret.
    pub(crate) fn redact(&self, text: &mut String) {
        for secret in self.named.values() {
            if let Ok(value) = std::str::from_utf8(secret.bytes()) {
                redact(value, text);
            }
        }
        self.hidden.redact(text);
    }
}

/// Puts a mark in place of a value.
pub(super) fn redact(value: &str, text: &mut String) {
    if value.len() >= MIN_REDACTED && text.contains(value) {
        *text = text.replace(value, REDACTED);
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.named.keys()).finish()
    }
}

/// What vaults know of a reference, and else what stands there. In a vault with a prefix of its own nothing else
/// stands.
fn find(reference: &str, known: &GrantedValues) -> Result<Vec<u8>, String> {
    let is_direct = ["{vault://env/", "{vault://file/"].iter().any(|start| reference.starts_with(start));
    match known.get(reference) {
        Some(Ok(&[])) => Err("it is empty".to_owned()),
        Some(Ok(value)) => Ok(value.to_vec()),
        Some(Err(reason)) if !is_direct => Err(reason.to_owned()),
        Some(Err(_)) | None => fetch(reference),
    }
}

/// Reads what `{vault://env/NAME}` or `{vault://file/PATH}` stands for. One line end at the end of a
/// file is not part of the secret.
fn fetch(reference: &str) -> Result<Vec<u8>, String> {
    let inner = reference.strip_prefix("{vault://").and_then(|rest| rest.strip_suffix('}'));
    let (source, place) = inner.and_then(|inner| inner.split_once('/')).unwrap_or_default();
    let value = match source {
        "env" => {
            let found = std::env::var_os(place).ok_or_else(|| format!("no variable {place} on this node"))?;
            found.into_encoded_bytes()
        }
        "file" => read(&format!("/{}", place.trim_start_matches('/')))?,
        _ => return Err("expected {vault://env/NAME} or {vault://file/PATH}, never the secret itself".into()),
    };
    if value.is_empty() { Err(format!("{place} is empty")) } else { Ok(value) }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{path} cannot be read: {}", error.kind());
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(format!("{path} is not a file"));
    }
    let mut value = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut value).map_err(unreadable)?;
    if value.len() as u64 > MAX_BYTES {
        return Err(format!("{path} has more than {MAX_BYTES} bytes"));
    }
    if value.last() == Some(&b'\n') {
        value.pop();
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(grant: &serde_json::Value) -> Result<Secrets, AssignError> {
        let mut parameters = Parameters::new("secrets", grant.as_object().unwrap().clone(), false);
        Secrets::read(&mut parameters, &GrantedValues::default())
    }

    #[test]
    fn secrets_come_from_files_and_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "hunter22\n").unwrap();
        let file = format!("{{vault://file{}}}", path.display());
        let found = secrets(&json!({
            "names": {"key": file, "path": "{vault://env/PATH}"}, "reveal": ["path"],
        }))
        .unwrap();
        assert_eq!(found.get("key").unwrap().bytes(), b"hunter22");
        assert!(found.get("key").unwrap().reveal().is_none(), "not granted");
        let path = std::env::var("PATH").unwrap();
        assert_eq!(found.get("path").unwrap().reveal(), Some(path.as_bytes()));
        let mut line = "the key is hunter22!".to_owned();
        found.redact(&mut line);
        assert_eq!(line, "the key is [secret]!");
        assert!(!format!("{found:?}").contains("hunter22"));
    }

    #[test]
    fn what_is_no_reference_is_refused_without_its_text() {
        for (case, grant) in [
            ("a literal", json!({"names": {"key": "hunter22"}})),
            ("another source", json!({"names": {"key": "{vault://hcv/hunter22}"}})),
            ("no such file", json!({"names": {"key": "{vault://file/no/such}"}})),
            ("no such variable", json!({"names": {"key": "{vault://env/WEIR_NO_SUCH}"}})),
            ("a device", json!({"names": {"key": "{vault://file/dev/zero}"}})),
            ("reveals what it has not", json!({"names": {}, "reveal": ["key"]})),
            ("no names", json!({})),
        ] {
            let refused = secrets(&grant).expect_err(case).to_string();
            assert!(!refused.contains("hunter22"), "{case}: {refused}");
        }
    }
}
