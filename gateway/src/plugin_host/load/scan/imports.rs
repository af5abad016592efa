//! What a plugin may import: the interfaces of the contract, and nothing else; what a function may: those
//! of `wasi:http` 0.2 and what the standard libraries of languages import unasked.
//!
//! Whether an import has the type that the contract gives it is checked when the plugin is linked.

use super::Written;
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

/// Versions of WASI that functions may import and export.
const WASI: &str = "0.2.";

const FOR_FUNCTIONS: [&str; 22] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Whether a function has an export of this name, and nothing else does.
pub(super) fn is_handler(name: &str) -> bool {
    name.strip_prefix("wasi:http/incoming-handler@").is_some_and(|version| version.starts_with(WASI))
}

/// Edits between a name and the one that was probably meant.
const NEAR: usize = 3;

/// Whether the gateway has what is imported under this name.
///
/// # Errors
///
/// [`AdmissionError::UnknownImport`] with the nearest thing that there is.
pub(super) fn check(name: &str, written: Written) -> Result<(), AdmissionError> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    if written == Written::Function {
        if version.starts_with(WASI) && FOR_FUNCTIONS.contains(&interface) {
            return Ok(());
        }
        let hint =
            "; a function has wasi:http, wasi:io, wasi:clocks, wasi:random and wasi:cli of 0.2".to_owned();
        return Err(AdmissionError::UnknownImport { import: name.to_owned(), hint });
    }
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
    fn functions_may_import_what_is_linked_for_them() {
        for (name, want) in [
            ("wasi:http/types@0.2.12", true),
            ("wasi:cli/environment@0.2.3", true),
            ("wasi:http/types@0.3.0", false),
            ("wasi:sockets/tcp@0.2.0", false),
            ("weir:plugin/logging@0.1.0", false),
        ] {
            assert_eq!(check(name, Written::Function).is_ok(), want, "{name}");
        }
        assert!(check("wasi:http/types@0.2.12", Written::Contract).is_err(), "a plugin may not");
        assert!(is_handler("wasi:http/incoming-handler@0.2.0"));
        assert!(!is_handler("wasi:http/incoming-handler@0.3.0"));
    }

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
            let refused = check(name, Written::Contract).err().map(|error| error.to_string());
            match (want, refused) {
                (None, None) => {}
                (Some(words), Some(text)) => assert!(text.contains(words), "{name}: {text}"),
                (want, got) => panic!("{name}: want {want:?}, got {got:?}"),
            }
        }
    }
}
