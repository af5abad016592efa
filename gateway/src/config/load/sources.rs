//! Settings of whose components run here, and where they may come from.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::proxy::list;
use super::word;
use crate::config::reader::Reader;
use crate::config::settings::{PluginSignatures, PluginSources};

const POLICIES: [(&str, PluginSignatures); 3] = [
    ("off", PluginSignatures::Off),
    ("warn", PluginSignatures::Warn),
    ("require", PluginSignatures::Require),
];

pub(super) fn read(reader: &mut Reader) -> PluginSources {
    let sources = PluginSources {
        signatures: reader.read("plugin_signatures", |text| word(text, &POLICIES)),
        trusted_keys: reader.read("plugin_trusted_keys", keys),
        registries: reader.read("plugin_registries", registries),
        registry_credentials: reader.read("plugin_registry_credentials", credentials),
    };
    if sources.signatures != PluginSignatures::Off && sources.trusted_keys.is_empty() {
        let allowed = "allowed: off, or keys in plugin_trusted_keys".to_owned();
        reader.complain(
            "plugin_signatures",
            "signatures are asked for, and no key is trusted".into(),
            allowed,
        );
    }
    sources
}

fn keys(text: &str) -> Result<Vec<(String, String)>, String> {
    let key = |entry: &str| {
        if entry.starts_with("ed25519:") {
            return Ok((entry.to_owned(), entry.to_owned()));
        }
        let text = std::fs::read_to_string(entry).map_err(|error| format!("{entry}: {error}"))?;
        Ok((entry.to_owned(), text))
    };
    list(text).map(key).collect()
}

fn registries(text: &str) -> Result<Vec<(String, bool)>, String> {
    let registry = |entry: &str| {
        let (plain, host) = match entry.split_once("://") {
            Some(("http", host)) => (true, host),
            Some(("https", host)) => (false, host),
            Some(_) => (false, ""),
            None => (false, entry),
        };
        let fits = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
        if fits && !host.is_empty() {
            return Ok((host.to_ascii_lowercase(), plain));
        }
        Err(format!("allowed: hosts such as ghcr.io or http://127.0.0.1:5000, not '{entry}'"))
    };
    list(text).map(registry).collect()
}

/// `{"auths": {"ghcr.io": {"auth": "…"}}}`.
fn credentials(path: &str) -> Result<BTreeMap<String, SecretString>, String> {
    if path.is_empty() {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let said: serde_json::Value =
        serde_json::from_str(&text).map_err(|_| "allowed: a file with JSON in it".to_owned())?;
    let auths = said.get("auths").and_then(serde_json::Value::as_object);
    let pair = |(host, said): (&String, &serde_json::Value)| {
        let auth = said.get("auth")?.as_str()?;
        Some((host.to_ascii_lowercase(), SecretString::from(auth)))
    };
    Ok(auths.into_iter().flatten().filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn registries_are_hosts() {
        let read = |text| registries(text).ok();
        let both = vec![("ghcr.io".to_owned(), false), ("127.0.0.1:5000".to_owned(), true)];
        assert_eq!(read("GHCR.io, http://127.0.0.1:5000"), Some(both));
        for bad in ["ftp://ghcr.io", "ghcr.io/team", "user@ghcr.io"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn passwords_and_keys_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"auths":{"ghcr.io":{"auth":"dTpw"},"x":{}},"credsStore":"y"}"#).unwrap();
        let found = credentials(&path.display().to_string()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found["ghcr.io"].expose_secret(), "dTpw");
        assert!(credentials("/nowhere").is_err());
        let entries = keys(&format!("ed25519:AA==, {}", path.display())).unwrap();
        assert_eq!(entries[0].1, "ed25519:AA==");
        assert!(entries[1].1.contains("auths"), "the text of the file");
        assert!(keys("/nowhere.pem").is_err());
    }
}
