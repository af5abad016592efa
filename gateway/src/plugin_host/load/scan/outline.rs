//! The outline of a component: its sections, counted as they come, at every level.
//!
//! Bodies of functions, data and names are passed over unread.

use wasmparser::{CanonicalFunction, CanonicalOption, MemoryType, Parser, Payload};

use super::bounds::{self, at_most, no_deeper};
use super::types::Types;
use super::{Written, broken, imports};
use crate::plugin_host::AdmissionError;

/// What has been counted so far.
#[derive(Default)]
struct Outline {
    /// For each level below the component itself: whether it is a component, not a module.
    levels: Vec<bool>,
    types: Types,
    modules: usize,
    components: usize,
    instances: usize,
    names: usize,
    core_types: usize,
    functions: usize,
    segments: usize,
    memories: usize,
    max_memory: usize,
    /// Names of what the component itself imports.
    imports: Vec<String>,
    /// Whether it exports what functions do.
    handles: bool,
}

/// Walks through the sections of a component.
///
/// # Errors
///
/// The first bound that is passed, or an import that the gateway does not have.
pub(super) fn check(bytes: &[u8], max_memory: usize) -> Result<Written, AdmissionError> {
    let mut outline = Outline { max_memory, ..Outline::default() };
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(broken)?;
        outline.level(&payload)?;
        outline.count(&payload);
        outline.bounded()?;
        outline.look(payload, bytes)?;
    }
    let written = if outline.handles { Written::Function } else { Written::Contract };
    outline.imports.iter().try_for_each(|name| imports::check(name, written))?;
    Ok(written)
}

impl Outline {
    /// Keeps track of modules and components in components.
    #[expect(clippy::wildcard_enum_match_arm, reason = "three of the many kinds of payload change the level")]
    fn level(&mut self, payload: &Payload<'_>) -> Result<(), AdmissionError> {
        match payload {
            Payload::ModuleSection { .. } => {
                self.modules += 1;
                self.levels.push(false);
            }
            Payload::ComponentSection { .. } => {
                self.components += 1;
                self.levels.push(true);
                self.types.enter();
            }
            Payload::End(_) => {
                let was_component = self.levels.pop() == Some(true);
                if was_component {
                    self.types.leave();
                }
            }
            _ => {}
        }
        no_deeper(self.levels.len(), bounds::DEPTH, "it is")
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only what is bounded is counted")]
    fn count(&mut self, payload: &Payload<'_>) {
        let grow = |count: &mut usize, by: u32| *count = count.saturating_add(by as usize);
        match payload {
            Payload::ImportSection(section) => grow(&mut self.names, section.count()),
            Payload::ExportSection(section) => grow(&mut self.names, section.count()),
            Payload::ComponentImportSection(section) => grow(&mut self.names, section.count()),
            Payload::ComponentExportSection(section) => grow(&mut self.names, section.count()),
            Payload::InstanceSection(section) => grow(&mut self.instances, section.count()),
            Payload::ComponentInstanceSection(section) => grow(&mut self.instances, section.count()),
            Payload::TypeSection(section) => grow(&mut self.core_types, section.count()),
            Payload::CoreTypeSection(section) => grow(&mut self.core_types, section.count()),
            Payload::FunctionSection(section) => grow(&mut self.functions, section.count()),
            Payload::ElementSection(section) => grow(&mut self.segments, section.count()),
            Payload::DataSection(section) => grow(&mut self.segments, section.count()),
            Payload::MemorySection(section) => grow(&mut self.memories, section.count()),
            _ => {}
        }
    }

    fn bounded(&self) -> Result<(), AdmissionError> {
        at_most(self.modules, bounds::MODULES, "modules")?;
        at_most(self.components, bounds::COMPONENTS, "components inside")?;
        at_most(self.instances, bounds::INSTANCES, "instances")?;
        at_most(self.names, bounds::NAMES, "imports and exports")?;
        at_most(self.core_types.saturating_add(self.types.count()), bounds::TYPES, "types")?;
        at_most(self.functions, bounds::FUNCTIONS, "functions")?;
        at_most(self.segments, bounds::SEGMENTS, "data and element segments")?;
        at_most(self.memories, bounds::MEMORIES, "memories")
    }

    /// Looks into the sections whose count does not say enough.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are bounded by their count")]
    fn look(&mut self, payload: Payload<'_>, bytes: &[u8]) -> Result<(), AdmissionError> {
        match payload {
            Payload::CustomSection(section) => {
                at_most(section.data().len(), bounds::CUSTOM, "bytes in a custom section; strip it")
            }
            Payload::CodeSectionEntry(body) => {
                at_most(body.as_bytes().len(), bounds::BODY, "bytes in one function")
            }
            Payload::MemorySection(section) => {
                section.into_iter().try_for_each(|memory| self.memory(memory.map_err(broken)?))
            }
            Payload::ComponentCanonicalSection(section) => {
                section.into_iter().try_for_each(|function| encodings(&function.map_err(broken)?))
            }
            Payload::ComponentImportSection(section) => section.into_iter().try_for_each(|import| {
                let import = import.map_err(broken)?;
                if self.levels.is_empty() {
                    self.imports.push(import.name.name.to_owned());
                }
                self.types.refer(import.ty)
            }),
            Payload::ComponentTypeSection(section) => self.types.section(&section.range(), bytes),
            Payload::ComponentAliasSection(section) => {
                section.into_iter().try_for_each(|alias| self.types.alias(&alias.map_err(broken)?))
            }
            Payload::ComponentInstanceSection(section) => {
                self.types.instances(section.count());
                Ok(())
            }
            Payload::ComponentExportSection(section) => section.into_iter().try_for_each(|export| {
                let export = export.map_err(broken)?;
                self.handles |= self.levels.is_empty() && imports::is_handler(export.name.name);
                self.types.export(&export)
            }),
            _ => Ok(()),
        }
    }

    fn memory(&self, memory: MemoryType) -> Result<(), AdmissionError> {
        let page = 1_u128.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u128::MAX);
        let initial = u128::from(memory.initial).saturating_mul(page);
        if initial > self.max_memory as u128 {
            return Err(AdmissionError::Shape(format!(
                "its memory begins with {initial} bytes; at most {} are allowed",
                self.max_memory
            )));
        }
        Ok(())
    }
}

/// Only UTF-8: transcoding has been a source of memory errors in engines.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other functions carry no strings, or are of proposals that the engine refuses"
)]
fn encodings(function: &CanonicalFunction) -> Result<(), AdmissionError> {
    let options = match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => options,
        _ => return Ok(()),
    };
    let other = |option| matches!(option, &CanonicalOption::UTF16 | &CanonicalOption::CompactUTF16);
    if options.iter().any(other) {
        return Err(AdmissionError::Shape("it passes strings in UTF-16; only UTF-8 is taken".to_owned()));
    }
    Ok(())
}
