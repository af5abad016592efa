//! Gives the answer of one call back when the next one begins.
//!
//! `wit-bindgen` exports a second function beside each whose answer lies in memory: the gateway calls it when it has
//! read the answer. That call costs as much as a small plugin. Here the two become one, for the phases that every
//! request goes through; their answers are small, so that nothing large lies idle between two calls.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, Module,
};
use wasmparser::{ExternalKind, FuncType, Parser, Payload, TypeRef, ValType};

const PHASES: [&str; 3] = [
    "weir:plugin/before-routing@0.1.0#on-before-routing",
    "weir:plugin/request-head@0.1.0#on-request-head",
    "weir:plugin/response-head@0.1.0#on-response-head",
];

/// A phase whose answer is given back by a function of its own.
#[derive(Debug, PartialEq, Eq)]
struct Phase {
    name: String,
    function: u32,
    give_back: u32,
    /// The type of the function, and how many parameters that has.
    kind: (u32, u32),
}

/// What is known of a module; numbers count imports first.
#[derive(Default)]
struct Rewrite {
    types: Vec<FuncType>,
    /// The type of each function.
    functions: Vec<u32>,
    globals: u32,
    phases: Vec<Phase>,
}

/// Makes the phases of `module` give back the answer of the call before.
///
/// # Errors
///
/// What is wrong with the module.
pub(crate) fn give_back_late(module: &[u8]) -> Result<Vec<u8>, String> {
    let mut rewrite = Rewrite::measure(module).map_err(|error| error.to_string())?;
    if rewrite.phases.is_empty() {
        return Ok(module.to_vec());
    }
    let mut out = Module::new();
    let done = rewrite.parse_core_module(&mut out, Parser::new(0), module);
    done.map_err(|error| error.to_string())?;
    Ok(out.finish())
}

impl Rewrite {
    fn measure(module: &[u8]) -> wasmparser::Result<Self> {
        let mut found = Self::default();
        let mut exports = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload?;
            if let Payload::TypeSection(section) = payload {
                found.types = section.into_iter_err_on_gc_types().collect::<wasmparser::Result<_>>()?;
            } else if let Payload::ImportSection(section) = payload {
                let imports = section.into_imports().collect::<wasmparser::Result<Vec<_>>>()?;
                imports.iter().for_each(|import| found.import(import.ty));
            } else if let Payload::FunctionSection(section) = payload {
                found.functions.extend(section.into_iter().collect::<wasmparser::Result<Vec<_>>>()?);
            } else if let Payload::GlobalSection(section) = payload {
                found.globals += section.count();
            } else if let Payload::ExportSection(section) = payload {
                exports = section.into_iter().collect::<wasmparser::Result<Vec<_>>>()?;
            }
        }
        let function = |name: &str| {
            let export =
                exports.iter().find(|export| export.name == name && export.kind == ExternalKind::Func);
            export.map(|export| export.index)
        };
        found.phases = PHASES.iter().filter_map(|name| found.phase(name, function)).collect();
        Ok(found)
    }

    fn import(&mut self, kind: TypeRef) {
        match kind {
            TypeRef::Func(kind) => self.functions.push(kind),
            TypeRef::Global(_) => self.globals += 1,
            TypeRef::Table(_) | TypeRef::Memory(_) | TypeRef::Tag(_) | TypeRef::FuncExact(_) => {}
        }
    }

    fn phase(&self, name: &str, exported: impl Fn(&str) -> Option<u32>) -> Option<Phase> {
        let (function, give_back) = (exported(name)?, exported(&format!("cabi_post_{name}"))?);
        let kind = *self.functions.get(function as usize)?;
        let signature = self.types.get(kind as usize)?;
        let parameters = u32::try_from(signature.params().len()).ok()?;
        let in_memory = signature.results() == [ValType::I32];
        in_memory.then(|| Phase { name: name.to_owned(), function, give_back, kind: (kind, parameters) })
    }

    fn first_new_function(&self) -> u32 {
        u32::try_from(self.functions.len()).unwrap_or(u32::MAX)
    }
}

type Reencoded = Result<(), Error<std::convert::Infallible>>;

impl Reencode for Rewrite {
    type Error = std::convert::Infallible;

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_function_section(self, functions, section)?;
        self.phases.iter().for_each(|phase| _ = functions.function(phase.kind.0));
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_global_section(self, globals, section)?;
        let address = GlobalType { val_type: wasm_encoder::ValType::I32, mutable: true, shared: false };
        self.phases.iter().for_each(|_| _ = globals.global(address, &ConstExpr::i32_const(0)));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Reencoded {
        for export in section {
            let export = export?;
            let phase_of = |name: &str| self.phases.iter().position(|phase| phase.name == name);
            if export.name.strip_prefix("cabi_post_").and_then(phase_of).is_some() {
                continue;
            }
            match phase_of(export.name).and_then(|at| u32::try_from(at).ok()) {
                Some(at) => {
                    exports.export(export.name, ExportKind::Func, self.first_new_function() + at);
                }
                None => utils::parse_export(self, exports, export)?,
            }
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_code_section(self, code, section)?;
        for (last, phase) in (self.globals..).zip(&self.phases) {
            code.function(&phase.called(last));
        }
        Ok(())
    }
}

impl Phase {
    /// The phase itself, with the answer of the call before in the global `last`.
    fn called(&self, last: u32) -> Function {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.global_get(last).if_(BlockType::Empty);
        // Forgotten first: given back twice it would be a fault.
        code.global_get(last).i32_const(0).global_set(last).call(self.give_back).end();
        (0..self.kind.1).for_each(|parameter| _ = code.local_get(parameter));
        code.call(self.function).global_set(last).global_get(last).end();
        function
    }
}

#[cfg(test)]
mod tests {
    use wasmi::{Engine, Linker, Module, Store};

    use super::*;

    #[test]
    fn an_answer_is_given_back_once_and_when_the_next_call_begins() {
        let module = wat::parse_str(format!(
            r#"(module
                (global $given (mut i32) (i32.const 0))
                (global (export "given") (mut i32) (i32.const 0))
                (func (export "{name}") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
                (func (export "cabi_post_{name}") (param i32)
                    (global.set 1 (i32.add (i32.mul (global.get 1) (i32.const 100)) (local.get 0))))
                (func (export "cabi_post_other") (param i32)))"#,
            name = PHASES[1],
        ));
        let rewritten = give_back_late(&module.unwrap()).unwrap();
        let engine = Engine::default();
        let module = Module::new(&engine, &rewritten).unwrap();
        let names: Vec<_> = module.exports().map(|export| export.name().to_owned()).collect();
        assert_eq!(names, ["cabi_post_other", "given", PHASES[1]], "in their order");
        let mut store = Store::new(&engine, ());
        let instance = Linker::<()>::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
        let call = instance.get_typed_func::<(i32, i32), i32>(&store, PHASES[1]).unwrap();
        let given =
            |store: &Store<()>| instance.get_global(store, "given").unwrap().get(store).i32().unwrap();
        let mut seen = Vec::new();
        for at in [10, 20, 30] {
            assert_eq!(call.call(&mut store, (at, 1)).unwrap(), at + 1);
            seen.push(given(&store));
        }
        assert_eq!(seen, [0, 11, 1121], "the last answer is still there");
    }

    #[test]
    fn a_module_without_such_phases_stays_as_it_is() {
        let module = wat::parse_str("(module (func (export \"f\")))").unwrap();
        assert_eq!(give_back_late(&module).unwrap(), module);
        assert!(give_back_late(b"no module").is_err());
    }
}
