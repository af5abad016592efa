//! What a function says about itself: there is no `describe` in `wasi:http`, so its metadata are read, which
//! `wasm-tools metadata add` writes.

use wasmparser::{ComponentName, CustomSectionReader, KnownCustom, Parser, Payload};

use super::PluginInfo;
use crate::plugin_host::AdmissionError;
use crate::plugin_host::bindings::exports::weir::plugin::meta;

/// How to give a component what it lacks.
const ADVICE: &str = "a function is named by its metadata: \
                      `wasm-tools metadata add --name NAME --version VERSION`";

/// Name, version and description of a function. It asks for the `http-client` grant and can do without.
///
/// # Errors
///
/// [`AdmissionError::Contract`] if it has no name or version, [`AdmissionError::Describe`] if they cannot be
/// used.
pub(crate) fn describe(component: &[u8]) -> Result<PluginInfo, AdmissionError> {
    let Metadata { name, version, description } = Metadata::read(component);
    let missing = || AdmissionError::Contract(ADVICE.to_owned());
    let capability = |name: &str, why: &str| meta::Capability {
        name: name.to_owned(),
        why: why.to_owned(),
        params_json: r#"{"optional":true}"#.to_owned(),
    };
    PluginInfo::check(meta::PluginInfo {
        name: name.ok_or_else(missing)?,
        version: version.ok_or_else(missing)?,
        description: description.unwrap_or_default(),
        config_schema: r#"{"type":"object"}"#.to_owned(),
        capabilities: vec![
            capability("http-client", "requests of its own"),
            capability("logging", "what it writes to its output"),
        ],
        instances: meta::InstancePolicy::PerCall,
        default_priority: 0,
        authenticates: false,
    })
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Metadata {
    name: Option<String>,
    version: Option<String>,
    description: Option<String>,
}

impl Metadata {
    /// Reads the sections of the component itself, not of what it is made of.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a few of the many kinds of section are read")]
    fn read(component: &[u8]) -> Self {
        let mut found = Self::default();
        let mut inside = 0_usize;
        for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => inside += 1,
                Payload::End(_) => inside = inside.saturating_sub(1),
                Payload::CustomSection(section) if inside == 0 => found.take(&section),
                _ => {}
            }
        }
        found
    }

    fn take(&mut self, section: &CustomSectionReader<'_>) {
        let text = || String::from_utf8(section.data().to_vec()).ok();
        match (section.name(), section.as_known()) {
            (_, KnownCustom::ComponentName(names)) => {
                self.name = names.into_iter().find_map(|name| match name {
                    Ok(ComponentName::Component { name, .. }) => Some(name.to_owned()),
                    Ok(_) | Err(_) => None,
                });
            }
            ("version", _) => self.version = text(),
            ("description", _) => self.description = text(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use gateway_tests::named;

    use super::*;

    #[test]
    fn a_function_is_named_by_its_metadata() {
        let empty = b"\0asm\x0d\0\x01\0";
        let refused = describe(empty).unwrap_err().to_string();
        assert!(refused.contains("wasm-tools metadata add --name"), "{refused}");
        let info = describe(&named(empty, "hello", "1.2.3")).unwrap();
        assert_eq!((info.name.as_str(), info.version.as_str(), info.reuse), ("hello", "1.2.3", false));
        let refused = describe(&named(empty, "hello world", "1.2.3")).unwrap_err().to_string();
        assert!(refused.contains("name: 1 to 128 letters"), "{refused}");
    }
}
