//! The SDK for authors who have no checkout of Weir: written into their project, where `go.mod` says
//! `replace weir.dev/plugin => ./.weir/plugin-sdk`.

use std::path::Path;

use crate::BuildError;

/// Where the SDK goes, as `go.mod` has it.
const PLACE: &str = ".weir/plugin-sdk";

include!(concat!(env!("OUT_DIR"), "/go_sdk.rs"));

/// Writes the SDK if the module in `dir` wants it there.
pub(super) fn provide(dir: &Path) -> Result<(), BuildError> {
    let manifest = dir.join("go.mod");
    let text =
        std::fs::read_to_string(&manifest).map_err(|source| BuildError::File { path: manifest, source })?;
    if !text.contains(PLACE) {
        return Ok(());
    }
    for (path, text) in SDK {
        let path = dir.join(PLACE).join(path);
        if std::fs::read_to_string(&path).is_ok_and(|known| known == *text) {
            continue;
        }
        let folder = path.parent().unwrap_or(dir);
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
        written.map_err(|source| BuildError::File { path, source })?;
    }
    Ok(())
}
