//! Gives a Go module what the SDK cannot write in Go: `cabi_realloc`, which takes memory from the arena
//! without a line of Go being run. Whatever is not for the gateway is no longer exported.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, MemArg, Module, TypeSection, ValType,
};
use wasmparser::{Parser, Payload, TypeRef};

use super::ask::Said;

/// Exports that stay besides those of the interfaces.
const KEPT: [&str; 2] = ["memory", "_initialize"];

struct Rewrite<'a> {
    said: &'a Said,
    types: u32,
    /// Imported ones first.
    functions: u32,
    hold: u32,
    spill: u32,
}

/// Adds `cabi_realloc` to `module` and drops exports that the component does not need.
///
/// # Errors
///
/// What is wrong with the module.
pub(super) fn rewrite(module: &[u8], said: &Said) -> Result<Vec<u8>, String> {
    let mut rewrite = measure(module, said).map_err(|error| error.to_string())?;
    let mut out = Module::new();
    let done = rewrite.parse_core_module(&mut out, Parser::new(0), module);
    done.map_err(|error| error.to_string())?;
    Ok(out.finish())
}

/// Finds out how many types and functions there are, and where those are that are called.
fn measure<'a>(module: &[u8], said: &'a Said) -> wasmparser::Result<Rewrite<'a>> {
    let mut rewrite = Rewrite { said, types: 0, functions: 0, hold: 0, spill: 0 };
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::TypeSection(section) = payload {
            rewrite.types = section.count();
        } else if let Payload::ImportSection(section) = payload {
            let imports = section.into_imports().collect::<wasmparser::Result<Vec<_>>>()?;
            let functions = imports.iter().filter(|import| matches!(import.ty, TypeRef::Func(_)));
            let named = (rewrite.functions..).zip(functions.clone());
            let hold = named.filter(|(_, import)| import.name == "weir_hold").last();
            rewrite.hold = hold.map_or(rewrite.hold, |(number, _)| number);
            rewrite.functions += u32::try_from(functions.count()).unwrap_or(u32::MAX);
        } else if let Payload::FunctionSection(section) = payload {
            rewrite.functions += section.count();
        } else if let Payload::ExportSection(section) = payload {
            let exports = section.into_iter().collect::<wasmparser::Result<Vec<_>>>()?;
            let spill = exports.iter().find(|export| export.name == "weir_spill");
            rewrite.spill = spill.map_or(0, |export| export.index);
        }
    }
    Ok(rewrite)
}

type Reencoded = Result<(), Error<std::convert::Infallible>>;

impl Reencode for Rewrite<'_> {
    type Error = std::convert::Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([ValType::I32; 4], [ValType::I32]);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.types);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Reencoded {
        let wanted = self.said.exports();
        for export in section {
            let export = export?;
            let interface = export.name.split_once('#').map(|(interface, _)| interface);
            if KEPT.contains(&export.name) || interface.is_some_and(|interface| wanted.contains(&interface)) {
                utils::parse_export(self, exports, export)?;
            }
        }
        exports.export("cabi_realloc", ExportKind::Func, self.functions);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_code_section(self, code, section)?;
        code.function(&self.cabi_realloc());
        Ok(())
    }
}

impl Rewrite<'_> {
    /// `cabi_realloc(old, old_size, align, new_size)`, which the gateway calls with no old memory alone:
    /// strings come as UTF-8, whose length is known. The arena begins with where it is free, and where
    /// it ends.
    fn cabi_realloc(&self) -> Function {
        let (align, size, at) = (2, 3, 4);
        let arena = i32::from_ne_bytes(self.said.arena.to_ne_bytes());
        let field = |offset| MemArg { offset, align: 2, memory_index: 0 };
        let mut function = Function::new([(1, ValType::I32)]);
        let mut code = function.instructions();
        // at = (next + align - 1) & -align
        code.i32_const(arena).i32_load(field(0)).local_get(align).i32_add().i32_const(1).i32_sub();
        code.i32_const(0).local_get(align).i32_sub().i32_and().local_set(at);
        // if size > end - at, as signed numbers: at may lie a little beyond the end
        code.local_get(size).i64_extend_i32_u();
        code.i32_const(arena)
            .i32_load(field(4))
            .i64_extend_i32_u()
            .local_get(at)
            .i64_extend_i32_u()
            .i64_sub();
        code.i64_gt_s().if_(wasm_encoder::BlockType::Empty);
        code.i32_const(1).call(self.hold);
        code.local_get(size).call(self.spill).local_set(at);
        code.i32_const(0).call(self.hold);
        code.local_get(at).return_().end();
        // next = at + size
        code.i32_const(arena).local_get(at).local_get(size).i32_add().i32_store(field(0));
        code.local_get(at).end();
        function
    }
}
