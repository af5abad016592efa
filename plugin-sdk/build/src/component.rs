//! From a core module with contract metadata to a component.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use wit_component::ComponentEncoder;

use crate::{BuildError, answers};

/// Wraps a core module, which carries its world in custom sections, into a validated component.
///
/// # Errors
///
/// What is wrong with the module, outermost cause first.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    let module = answers::give_back_late(module)?;
    let encoded =
        ComponentEncoder::default().validate(true).module(&module).and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| format!("{error:#}"))
}

/// Makes a component of the module at `from` with `encode`, writes it to `to`, and gives its size.
pub(crate) fn write(
    from: &Path,
    to: &Path,
    encode: impl Fn(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<usize, BuildError> {
    let module = fs::read(from).map_err(|source| BuildError::File { path: from.to_owned(), source })?;
    let component =
        encode(&module).map_err(|reason| BuildError::Encode { module: from.to_owned(), reason })?;
    // An equal component is left alone, so that what depends on the file is not built again.
    if fs::read(to).is_ok_and(|known| known == component) {
        return Ok(component.len());
    }
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::File { path, source }
    };
    // A reader never sees half a component, and two that make the same one are not in each other's way.
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let unfinished = to.with_extension(format!("wasm.{}.{number}", std::process::id()));
    fs::write(&unfinished, &component).map_err(file(&unfinished))?;
    fs::rename(&unfinished, to).map_err(file(to))?;
    Ok(component.len())
}
