//! What languages with an interpreter in the component share: the manifest, the narrow world that is
//! made from it, the tools from a registry, and the mark that tells the gateway what is inside.
//!
//! Their tools import every interface of a world, used or not. So there is no world for all plugins:
//! each gets one with the phases and capabilities that its manifest names, and authors write no WIT.

mod manifest;
mod mark;
mod run;
mod tools;
mod world;

pub(crate) use manifest::{Manifest, Phase};
pub(crate) use mark::write_marked;
pub(crate) use run::{run, version_of};
pub(crate) use tools::fetch_once;
pub(crate) use world::{exports, write_wit};

use std::fs;
use std::path::{Path, PathBuf};

use crate::BuildError;

/// Where the component of the plugin in `dir` goes.
pub(crate) fn component_path(dir: &Path) -> PathBuf {
    let name = dir.file_name().unwrap_or("plugin".as_ref()).to_string_lossy();
    dir.join("build").join(format!("{name}.wasm"))
}

/// Turns an error of the file at `path` into one of this crate.
pub(crate) fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::File { path, source }
}

/// Writes a file and the folders above it; an equal one is left alone.
pub(crate) fn write_file(path: &Path, content: &str) -> Result<(), BuildError> {
    if fs::read_to_string(path).is_ok_and(|known| known == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(file_error(folder))?;
    }
    fs::write(path, content).map_err(file_error(path))
}
