//! The SDK in an author's project: `.weir/sdk`, written from the sources that are in this binary.
//!
//! It is not published, and it fits the gateway that it came with. A copy of another version is replaced,
//! so that an author who takes a newer `weir` gets its SDK with the next build.

use std::fs;
use std::path::Path;

use super::PluginError;
use super::embedded::{RUST_SDK, RUST_SDK_WORKSPACE};

/// Where the SDK is in a project.
const FOLDER: &str = ".weir/sdk";
/// Says which `weir` wrote the SDK; written last.
const STAMP: &str = "version";

/// Writes the SDK if the project in `dir` refers to it and has none of this version.
pub(super) fn restore(dir: &Path) -> Result<(), PluginError> {
    let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
    if !manifest.contains(FOLDER) {
        return Ok(());
    }
    let folder = dir.join(FOLDER);
    let fits = fs::read_to_string(folder.join(STAMP)).is_ok_and(|stamp| stamp == stamp_of_this());
    if fits { Ok(()) } else { write(&folder) }
}

fn write(folder: &Path) -> Result<(), PluginError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(PluginError::file(folder))?;
    }
    let files = RUST_SDK.iter().map(|(path, bytes)| (*path, *bytes));
    for (path, bytes) in files.chain([("Cargo.toml", RUST_SDK_WORKSPACE.as_bytes())]) {
        write_file(&folder.join(path), bytes)?;
    }
    write_file(&folder.join(STAMP), stamp_of_this().as_bytes())
}

/// Writes a file, and the folders above it.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), PluginError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(PluginError::file(folder))?;
    }
    fs::write(path, bytes).map_err(PluginError::file(path))
}

/// The version, and the bytes: two builds of one version may differ while it is not released.
fn stamp_of_this() -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new_with_prefix(RUST_SDK_WORKSPACE);
    RUST_SDK.iter().for_each(|(_, bytes)| hash.update(bytes));
    let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{} {digest}\n", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_gets_the_sdk_and_an_old_one_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        restore(dir.path()).unwrap();
        assert!(!dir.path().join(FOLDER).exists(), "nobody asked for it");
        fs::write(dir.path().join("Cargo.toml"), "sdk = { path = \".weir/sdk/plugin-sdk\" }").unwrap();
        restore(dir.path()).unwrap();
        let lib = dir.path().join(FOLDER).join("plugin-sdk/src/lib.rs");
        assert!(lib.exists() && dir.path().join(FOLDER).join("wit/plugin.wit").exists());
        let workspace = fs::read_to_string(dir.path().join(FOLDER).join("Cargo.toml")).unwrap();
        assert!(workspace.contains("wit-bindgen = ") && !workspace.contains("wasmtime"), "{workspace}");
        fs::write(&lib, "old").unwrap();
        restore(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(&lib).unwrap(), "old", "it is of this version");
        fs::write(dir.path().join(FOLDER).join(STAMP), "0.0.1").unwrap();
        restore(dir.path()).unwrap();
        assert_ne!(fs::read_to_string(&lib).unwrap(), "old");
    }
}
