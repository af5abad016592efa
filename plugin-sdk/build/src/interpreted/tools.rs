//! Where tools from a registry are kept: one folder for each set of pinned versions, shared by all
//! plugins of a user.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::file_error;
use crate::BuildError;
use crate::progress::tell;

/// Overrides where tools are kept.
const FOLDER: &str = "WEIR_TOOLS";

/// The folder called `name`; if there is none yet, `fetch` fills one, which then becomes it.
///
/// A fetch that fails leaves nothing behind, and two at the same time do not meet.
pub(crate) fn fetch_once(
    name: &str,
    fetch: impl FnOnce(&Path) -> Result<(), BuildError>,
) -> Result<PathBuf, BuildError> {
    let root = root();
    let folder = root.join(name);
    if folder.exists() {
        return Ok(folder);
    }
    let unfinished = root.join(format!(".{name}.{}", std::process::id()));
    fs::create_dir_all(&unfinished).map_err(file_error(&unfinished))?;
    tell(format_args!("fetching {name} into {} (once)", root.display()));
    let fetched = fetch(&unfinished).and_then(|()| match fs::rename(&unfinished, &folder) {
        // Somebody else was faster.
        Err(_) if folder.exists() => Ok(()),
        renamed => renamed.map_err(file_error(&folder)),
    });
    if unfinished.exists() {
        // What is left over is no reason to fail, nor to hide the reason there is.
        _ = fs::remove_dir_all(&unfinished);
    }
    fetched.map(|()| folder)
}

fn root() -> PathBuf {
    let from = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = || from("XDG_CACHE_HOME").or_else(|| Some(from("HOME")?.join(".cache")));
    let root = from(FOLDER).or_else(|| Some(usual()?.join("weir").join("tools")));
    root.unwrap_or_else(|| env::temp_dir().join("weir-tools"))
}
