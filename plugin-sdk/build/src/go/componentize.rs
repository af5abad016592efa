//! From a Go module to a component.

use wasm_encoder::{ComponentSection as _, ProducersField, ProducersSection};
use wasmparser::{FuncType, Parser, Payload, TypeRef, ValType};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use super::{LANGUAGE, ask, rewrite, world};

const WASI: &str = "wasi_snapshot_preview1";
const ADAPTER: &str = include_str!("adapter.wat");
/// In what the adapter does not know, every file is one that is not open.
const NO_SUCH_FILE: u32 = 8;

/// A function that a module imports.
#[derive(Clone, PartialEq)]
pub(super) struct Import {
    pub(super) module: String,
    pub(super) name: String,
    pub(super) kind: FuncType,
}

/// Makes a component of `module`.
///
/// # Errors
///
/// What is wrong with the module, outermost cause first.
pub(super) fn componentize(module: &[u8]) -> Result<Vec<u8>, String> {
    let imports = imports(module).map_err(|error| error.to_string())?;
    if !imports.iter().any(|import| import.module == WASI && import.name == "weir_hold") {
        return Err(
            "it does not use the package weir.dev/plugin; call plugin.Register in an init function".into()
        );
    }
    let said = ask::ask(module).map_err(|error| format!("the plugin does not start: {error}"))?;
    if said.phases == 0 {
        return Err(
            "it takes part in no phase: call plugin.Register in an init function, with a value that has a \
                    method such as OnRequestHead"
                .into(),
        );
    }
    let mut core = rewrite::rewrite(module, &said)?;
    let interfaces =
        imports.iter().filter(|import| import.module != WASI).map(|import| import.module.as_str());
    embed(&mut core, &world::of("guest", interfaces, &said.exports()))?;
    let mut adapter = wat::parse_str(adapter(&imports)).map_err(|error| error.to_string())?;
    embed(
        &mut adapter,
        &world::of("adapter", ["weir:plugin/clock@0.1.0", "weir:plugin/random@0.1.0"].into_iter(), &[]),
    )?;
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .and_then(|encoder| encoder.adapter(WASI, &adapter))
        .and_then(|mut encoder| encoder.encode());
    let mut component = encoded.map_err(|error| format!("{error:#}"))?;
    let mut language = ProducersField::new();
    language.value(LANGUAGE, "");
    ProducersSection::new().field("language", &language).append_to_component(&mut component);
    Ok(component)
}

fn embed(module: &mut Vec<u8>, world: &str) -> Result<(), String> {
    let (resolve, world) = world::resolve(world)?;
    let embedded = embed_component_metadata(module, &resolve, world, StringEncoding::UTF8);
    embedded.map_err(|error| format!("{error:#}"))
}

fn imports(module: &[u8]) -> wasmparser::Result<Vec<Import>> {
    let (mut types, mut imports) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::TypeSection(section) = payload {
            types = section.into_iter_err_on_gc_types().collect::<wasmparser::Result<_>>()?;
        } else if let Payload::ImportSection(section) = payload {
            let all = section.into_imports().collect::<wasmparser::Result<Vec<_>>>()?;
            imports.extend(all.iter().filter_map(|import| function(import, &types)));
        }
    }
    // The runtime and package syscall import some functions each for itself.
    let mut seen = Vec::new();
    imports.retain(|import: &Import| {
        let is_new = !seen.contains(import);
        seen.extend(is_new.then(|| import.clone()));
        is_new
    });
    Ok(imports)
}

/// An import, if it is a function.
fn function(import: &wasmparser::Import<'_>, types: &[FuncType]) -> Option<Import> {
    let TypeRef::Func(kind) = import.ty else { return None };
    let kind = types.get(kind as usize).cloned().unwrap_or(FuncType::new([], []));
    Some(Import { module: import.module.into(), name: import.name.into(), kind })
}

/// The adapter, with an answer for all that `imports` ask of WASI.
fn adapter(imports: &[Import]) -> String {
    let known = |import: &&Import| {
        import.module == WASI && !ADAPTER.contains(&format!("(export \"{}\"", import.name))
    };
    let stubs: String = imports.iter().filter(known).map(stub).collect();
    let text = ADAPTER.trim_end();
    format!("{}{stubs})", text.strip_suffix(')').unwrap_or(text))
}

fn stub(import: &Import) -> String {
    let parameters: String = import.kind.params().iter().map(|kind| format!("{} ", word(*kind))).collect();
    let name = &import.name;
    format!("(func (export \"{name}\") (param {parameters}) (result i32) (i32.const {NO_SUCH_FILE}))\n")
}

/// WASI's functions take no others.
fn word(kind: ValType) -> &'static str {
    if kind == ValType::I64 { "i64" } else { "i32" }
}
