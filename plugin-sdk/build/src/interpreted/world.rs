//! The world of one plugin: what every plugin has, its phases, and its capabilities.

use std::path::{Path, PathBuf};

use super::{Manifest, Phase, write_file};
use crate::BuildError;

/// The contract itself.
const CONTRACT: &str = include_str!("../../../../wit/plugin.wit");

/// What a component has without asking for it.
const AMBIENT: [&str; 7] = ["types", "meta", "lifecycle", "exchange", "body", "chunks", REPEATABLE];

/// The interface by which a plugin turns configurations of earlier versions into its own.
const MIGRATION: &str = "config-migration";

/// The interface by which it says which verdicts may be used again.
const REPEATABLE: &str = "repeatable";

/// The world's name in what [`write_wit`] writes.
pub(crate) const WORLD: &str = "plugin";

impl Phase {
    /// The interface of the contract that it is exported by.
    pub(crate) fn interface(self) -> &'static str {
        match self {
            Self::BeforeRouting => "before-routing",
            Self::RequestHead => "request-head",
            Self::RequestBody => "request-body",
            Self::RequestStream => "request-stream",
            Self::RequestTrailers => "request-trailers",
            Self::ResponseHead => "response-head",
            Self::ResponseBody => "response-body",
            Self::ResponseStream => "response-stream",
            Self::ResponseTrailers => "response-trailers",
            Self::Log => "log-phase",
        }
    }

    /// Whether the gateway holds a body while it runs.
    fn holds_body(self) -> bool {
        matches!(self, Self::RequestBody | Self::ResponseBody)
    }
}

/// Writes the WIT of a plugin below `work` and gives its folder; the world is called [`WORLD`].
///
/// # Errors
///
/// A capability that the contract does not have, or a file that cannot be written.
pub(crate) fn write_wit(manifest: &Manifest, path: &Path, work: &Path) -> Result<PathBuf, BuildError> {
    for name in manifest.weir.capabilities.keys() {
        let known = CONTRACT.lines().any(|line| line.starts_with(&format!("interface {name} {{")));
        if !known || AMBIENT.contains(&name.as_str()) || is_phase(name) {
            let reason = format!("the contract has no capability `{name}`; wit/README.md lists them");
            return Err(BuildError::Manifest { path: path.to_owned(), reason });
        }
    }
    let folder = work.join("wit");
    write_file(&folder.join("deps").join("weir").join("plugin.wit"), CONTRACT)?;
    write_file(&folder.join("world.wit"), &world(manifest))?;
    Ok(folder)
}

fn is_phase(name: &str) -> bool {
    let ends = ["-head", "-body", "-stream", "-trailers", "-phase", "-routing", "-migration"];
    ends.iter().any(|end| name.ends_with(end))
}

/// The interfaces that the plugin exports because its manifest says so.
pub(crate) fn exports(manifest: &Manifest) -> impl Iterator<Item = &'static str> {
    let phases = manifest.weir.phases.iter().map(|phase| phase.interface());
    let repeats = !manifest.weir.repeatable.is_empty();
    phases.chain(manifest.weir.migrates.then_some(MIGRATION)).chain(repeats.then_some(REPEATABLE))
}

fn world(manifest: &Manifest) -> String {
    let mut text =
        format!("package author:plugin;\n\nworld {WORLD} {{\n    include weir:plugin/base@0.1.0;\n");
    for name in manifest.weir.capabilities.keys() {
        text.push_str(&format!("    import weir:plugin/{name}@0.1.0;\n"));
    }
    if manifest.weir.phases.iter().any(|phase| phase.holds_body()) {
        text.push_str("    import weir:plugin/body@0.1.0;\n");
    }
    for name in exports(manifest) {
        text.push_str(&format!("    export weir:plugin/{name}@0.1.0;\n"));
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(capability: &str) -> Manifest {
        let json = format!(
            r#"{{"name":"a","version":"1","weir":{{"phases":["request-head","log"],"migrates":true,"repeatable":["request-head"],"capabilities":{{"{capability}":{{"why":"x"}}}}}}}}"#
        );
        Manifest::parse(&json, Path::new("package.json")).unwrap()
    }

    #[test]
    fn a_world_has_what_the_manifest_names_and_nothing_else() {
        let work = tempfile::tempdir().unwrap();
        let folder = write_wit(&manifest("credentials"), Path::new("package.json"), work.path()).unwrap();
        let mut resolve = wit_parser::Resolve::default();
        let (package, _) = resolve.push_dir(&folder).unwrap();
        let world = resolve.select_world(&[package], Some(WORLD)).unwrap();
        let name = |key: &wit_parser::WorldKey| resolve.name_world_key(key);
        let exports: Vec<_> = resolve.worlds[world].exports.keys().map(name).collect();
        for interface in ["meta", "lifecycle", "request-head", "log-phase", "config-migration", "repeatable"]
        {
            assert!(
                exports.contains(&format!("weir:plugin/{interface}@0.1.0")),
                "{interface} in {exports:?}"
            );
        }
        assert_eq!(exports.len(), 6);
        let imports: Vec<_> = resolve.worlds[world].imports.keys().map(name).collect();
        assert!(imports.contains(&"weir:plugin/credentials@0.1.0".to_owned()), "{imports:?}");
        assert!(!imports.contains(&"weir:plugin/http-client@0.1.0".to_owned()), "{imports:?}");
    }

    #[test]
    fn a_capability_that_is_none_is_named() {
        let work = tempfile::tempdir().unwrap();
        for name in ["credential", "request-head", "log-phase", "body", "config-migration", "repeatable"] {
            let error = write_wit(&manifest(name), Path::new("package.json"), work.path()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
