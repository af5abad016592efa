//! Marks a component with its language.

use std::path::Path;

use wasm_encoder::{ComponentSection as _, ProducersField, ProducersSection};

use crate::{BuildError, component};

/// Puts the component that a tool wrote at `from` to `to`, with its language in a producers section,
/// from which operators and the gateway know what runs in it. Gives its size.
pub(crate) fn write_marked(from: &Path, to: &Path, language: &str) -> Result<usize, BuildError> {
    let mark = |made: &[u8]| {
        let mut field = ProducersField::new();
        field.value(language, "");
        let mut component = made.to_vec();
        ProducersSection::new().field("language", &field).append_to_component(&mut component);
        Ok(component)
    };
    component::write(from, to, mark)
}
