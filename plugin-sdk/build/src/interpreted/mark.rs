//! Marks a component with its language.

use std::fs;
use std::path::Path;

use wasm_metadata::Producers;

use super::file_error;
use crate::{BuildError, component};

/// Puts the component that a tool wrote at `from` to `to`, with its language in the producers
/// section, from which operators and the gateway know what runs in it. Gives its size.
pub(crate) fn write_marked(from: &Path, to: &Path, language: &str, tool: &str) -> Result<usize, BuildError> {
    let made = fs::read(from).map_err(file_error(from))?;
    let (tool, version) = tool.split_once(' ').unwrap_or((tool, ""));
    let mut producers = Producers::empty();
    producers.add("language", language, "");
    producers.add("processed-by", tool, version);
    producers.add("sdk", "weir-plugin", env!("CARGO_PKG_VERSION"));
    let marked = producers.add_to_wasm(&made);
    let marked = marked
        .map_err(|error| BuildError::Encode { module: from.to_owned(), reason: format!("{error:#}") })?;
    component::put(to, &marked)?;
    Ok(marked.len())
}
