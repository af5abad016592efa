//! The SDK for Python, as this program has it.

use std::path::{Path, PathBuf};

use crate::BuildError;
use crate::interpreted::write_file;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../python/weir_plugin/", $name)))),*]
    };
}

/// The package `weir_plugin`.
const FILES: &[(&str, &str)] = files![
    "__init__.py",
    "bodies.py",
    "body.py",
    "convert.py",
    "guest.py",
    "host.py",
    "inputs.py",
    "py.typed",
    "setup.py",
    "verdicts.py",
];

/// Puts the SDK into `.weir` of the plugin, where editors and tests find it, and gives that folder.
///
/// It comes from here and not from a registry, so that SDK, contract and gateway are of one version.
pub(super) fn write(dir: &Path) -> Result<PathBuf, BuildError> {
    let root = dir.join(".weir");
    for (name, content) in FILES {
        write_file(&root.join("weir_plugin").join(name), content)?;
    }
    Ok(root)
}
