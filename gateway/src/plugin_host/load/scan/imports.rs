//! What a plugin may import: the interfaces of the contract, and nothing else.
//!
//! Whether an import has the type that the contract gives it is checked when the plugin is linked.

use crate::plugin_host::AdmissionError;

const PACKAGE: &str = "weir:plugin/";
/// Versions of the contract that can be linked: all that are compatible with the one that there is.
const VERSIONS: &str = "0.1.";
const VERSION: &str = "0.1.0";

const INTERFACES: [&str; 17] = [
    "types",
    "chunks",
    "exchange",
    "body",
    "logging",
    "metrics",
    "clock",
    "random",
    "secrets",
    "credentials",
    "crypto",
    "local-counters",
    "local-cache",
    "log-file",
    "shared-counters",
    "shared-kv",
    "http-client",
];

/// Edits between a name and the one that was probably meant.
const NEAR: usize = 3;

/// Whether the gateway has what is imported under this name.
///
/// # Errors
///
/// [`AdmissionError::UnknownImport`] with the nearest thing that there is.
pub(super) fn check(name: &str) -> Result<(), AdmissionError> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let known = INTERFACES.iter().find(|known| interface.strip_prefix(PACKAGE) == Some(known));
    let hint = match known {
        Some(_) if version.starts_with(VERSIONS) => return Ok(()),
        Some(known) => format!("; it has {PACKAGE}{known}@{VERSION}"),
        None => hint(interface),
    };
    Err(AdmissionError::UnknownImport { import: name.to_owned(), hint })
}

fn hint(interface: &str) -> String {
    let distance = |known: &&str| strsim::damerau_levenshtein(&format!("{PACKAGE}{known}"), interface);
    let nearest = INTERFACES.iter().map(|known| (distance(known), known)).min();
    match nearest {
        // The distance takes time by the product of the lengths, but names are bounded by their reader.
        Some((edits, known)) if edits <= NEAR => format!("; did you mean {PACKAGE}{known}@{VERSION}?"),
        Some(_) | None if interface.starts_with("wasi:") => {
            "; build the plugin for wasm32-unknown-unknown, or stub WASI".to_owned()
        }
        Some(_) | None if interface.starts_with(PACKAGE) => {
            format!("; the interfaces of weir:plugin@{VERSION} are {}", INTERFACES.join(", "))
        }
        Some(_) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_known_or_what_was_meant_is_said() {
        for (name, want) in [
            ("weir:plugin/logging@0.1.0", None),
            ("weir:plugin/logging@0.1.7", None),
            ("weir:plugin/logging@0.7.0", Some("it has weir:plugin/logging@0.1.0")),
            ("weir:plugin/logging", Some("it has weir:plugin/logging@0.1.0")),
            ("weir:plugin/loging@0.1.0", Some("did you mean weir:plugin/logging@0.1.0?")),
            ("wier:plugin/http-client@0.1.0", Some("did you mean weir:plugin/http-client@0.1.0?")),
            ("weir:plugins/clock@0.1.0", Some("did you mean weir:plugin/clock@0.1.0?")),
            ("weir:plugin/filesystem@0.1.0", Some("the interfaces of weir:plugin@0.1.0 are types, ")),
            ("wasi:sockets/tcp@0.2.0", Some("build the plugin for wasm32-unknown-unknown")),
            ("env", Some("imports `env`, which this gateway does not have")),
            ("", Some("imports ``")),
        ] {
            let refused = check(name).err().map(|error| error.to_string());
            match (want, refused) {
                (None, None) => {}
                (Some(words), Some(text)) => assert!(text.contains(words), "{name}: {text}"),
                (want, got) => panic!("{name}: want {want:?}, got {got:?}"),
            }
        }
    }
}
