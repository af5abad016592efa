//! The SDK for JavaScript, as this program has it.

use std::path::{Path, PathBuf};

use crate::BuildError;
use crate::interpreted::write_file;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../javascript/", $name)))),*]
    };
}

/// The package `weir-plugin`.
const FILES: &[(&str, &str)] = files![
    "package.json",
    "src/bodies.ts",
    "src/body.ts",
    "src/bytes.ts",
    "src/contract.d.ts",
    "src/edits.ts",
    "src/guest.ts",
    "src/identity.ts",
    "src/index.ts",
    "src/inputs.ts",
    "src/setup.ts",
    "src/verdicts.ts",
];

/// Puts the SDK into `.weir/weir-plugin` of the plugin, where its tsconfig.json finds the types, and
/// gives the folder of its modules.
///
/// It comes from here and not from a registry, so that SDK, contract and gateway are of one version.
pub(super) fn write(dir: &Path) -> Result<PathBuf, BuildError> {
    let folder = dir.join(".weir").join("weir-plugin");
    for (name, content) in FILES {
        write_file(&folder.join(name), content)?;
    }
    Ok(folder.join("src"))
}
