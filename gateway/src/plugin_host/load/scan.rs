//! A first look at uploaded bytes: what they are, and whether their shape stays within bounds that
//! no honest plugin comes near. Validators and compilers see them only after this.

use wasmparser::{Encoding, Parser, Payload};

use crate::plugin_host::AdmissionError;

const MAX_DEPTH: usize = 8;
const MAX_MODULES: usize = 64;
const MAX_INSTANCES: u32 = 512;
const MAX_IMPORTS_AND_EXPORTS: u32 = 2000;
const MAX_TYPES: u32 = 20_000;
const MAX_CUSTOM: usize = 16 << 20;
const MAX_FUNCTIONS: u32 = 50_000;
const MAX_BODY: usize = 512 << 10;
const MAX_SEGMENTS: u32 = 100_000;
const MAX_MEMORIES: u32 = 4;

/// Looks at the outline of a component.
///
/// # Errors
///
/// What it is instead of a component, or which bound it passes.
#[expect(clippy::wildcard_enum_match_arm, reason = "the outline is in a few of the many kinds of section")]
pub(crate) fn scan(bytes: &[u8]) -> Result<(), AdmissionError> {
    kind(bytes)?;
    let mut counts = Counts::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| AdmissionError::NotAComponent(error.to_string()))?;
        match &payload {
            Payload::ModuleSection { .. } => {
                counts.modules += 1;
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => counts.add(&payload),
        }
        if depth > MAX_DEPTH {
            return Err(AdmissionError::Shape(format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        counts.check()?;
    }
    Ok(())
}

fn kind(bytes: &[u8]) -> Result<(), AdmissionError> {
    let refuse = |what: &str| Err(AdmissionError::NotAComponent(what.to_owned()));
    if bytes.is_empty() {
        return refuse("it is empty");
    }
    if bytes.starts_with(b"\x7fELF") || wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return refuse("it is machine code; upload the .wasm component itself");
    }
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"(component") || text.starts_with(b"(module") || text.starts_with(b";;") {
        return refuse("it is WebAssembly text; upload the binary form");
    }
    if !bytes.starts_with(b"\0asm") {
        return refuse("it does not begin with the WebAssembly magic bytes");
    }
    if Parser::is_core_wasm(bytes) {
        return refuse("it is a core module; make a component of it, for instance with `weir plugin build`");
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => Ok(()),
        Some(Err(error)) => refuse(&error.to_string()),
        Some(Ok(_)) | None => refuse("it has no component header"),
    }
}

#[derive(Default)]
struct Counts {
    modules: usize,
    instances: u32,
    names: u32,
    types: u32,
    functions: u32,
    segments: u32,
    memories: u32,
    body: usize,
    custom: usize,
}

impl Counts {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only what is bounded is counted")]
    fn add(&mut self, payload: &Payload<'_>) {
        let grow = |count: &mut u32, by: u32| *count = count.saturating_add(by);
        match payload {
            Payload::ImportSection(section) => grow(&mut self.names, section.count()),
            Payload::ExportSection(section) => grow(&mut self.names, section.count()),
            Payload::ComponentImportSection(section) => grow(&mut self.names, section.count()),
            Payload::ComponentExportSection(section) => grow(&mut self.names, section.count()),
            Payload::InstanceSection(section) => grow(&mut self.instances, section.count()),
            Payload::ComponentInstanceSection(section) => grow(&mut self.instances, section.count()),
            Payload::TypeSection(section) => grow(&mut self.types, section.count()),
            Payload::CoreTypeSection(section) => grow(&mut self.types, section.count()),
            Payload::ComponentTypeSection(section) => grow(&mut self.types, section.count()),
            Payload::FunctionSection(section) => grow(&mut self.functions, section.count()),
            Payload::ElementSection(section) => grow(&mut self.segments, section.count()),
            Payload::DataSection(section) => grow(&mut self.segments, section.count()),
            Payload::MemorySection(section) => grow(&mut self.memories, section.count()),
            Payload::CodeSectionEntry(body) => self.body = self.body.max(body.as_bytes().len()),
            Payload::CustomSection(section) => self.custom = self.custom.saturating_add(section.data().len()),
            _ => {}
        }
    }

    fn check(&self) -> Result<(), AdmissionError> {
        let bounds = [
            (self.modules, MAX_MODULES, "modules"),
            (self.instances as usize, MAX_INSTANCES as usize, "instances"),
            (self.names as usize, MAX_IMPORTS_AND_EXPORTS as usize, "imports and exports"),
            (self.types as usize, MAX_TYPES as usize, "types"),
            (self.functions as usize, MAX_FUNCTIONS as usize, "functions"),
            (self.segments as usize, MAX_SEGMENTS as usize, "data and element segments"),
            (self.memories as usize, MAX_MEMORIES as usize, "memories"),
            (self.body, MAX_BODY, "bytes in one function"),
            (self.custom, MAX_CUSTOM, "bytes in custom sections"),
        ];
        match bounds.iter().find(|(count, limit, _)| count > limit) {
            Some((_, limit, what)) => Err(AdmissionError::Shape(format!("it has more than {limit} {what}"))),
            None => Ok(()),
        }
    }
}
