//! Asks a module what its configuration looks like, by running its `describe`.
//!
//! The schema is made from Rust types by code that is larger than most plugins. Run here, once, it
//! need not be in the component. Deliberately not here: any judgement of what a module says about
//! itself, which the gateway passes when the component is uploaded.

use wasmi::{Config, Engine, Error, ExternType, Linker, Module, Store};

const DESCRIBE: &str = "weir:plugin/meta@0.1.0#describe";

/// Where `config-schema` stands in the record that `describe` points to: the fourth of its strings,
/// each of which is an address and a length (component model, canonical ABI).
const CONFIG_SCHEMA: usize = 3 * 8;

/// Instructions; a schema takes some millions.
const FUEL: u64 = 10_000_000_000;

/// What `describe` of the core module says of its configuration, with no import answering.
///
/// # Errors
///
/// Why it cannot be asked. Such a module may still be a good plugin.
pub(crate) fn config_schema(module: &[u8]) -> Result<String, Error> {
    let mut config = Config::default();
    config.consume_fuel(true);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, module)?;
    let mut store = Store::new(&engine, ());
    store.set_fuel(FUEL)?;
    let mut linker = Linker::new(&engine);
    for import in module.imports() {
        if let ExternType::Func(kind) = import.ty() {
            let refuse = |_: wasmi::Caller<'_, ()>, _: &[wasmi::Val], _: &mut [wasmi::Val]| {
                Err(Error::new("nothing answers at build time"))
            };
            linker.func_new(import.module(), import.name(), kind.clone(), refuse)?;
        }
    }
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    let described = instance.get_typed_func::<(), u32>(&store, DESCRIBE)?.call(&mut store, ())?;
    let memory = instance.get_memory(&store, "memory").ok_or_else(|| Error::new("it has no memory"))?;
    let text = text_at(memory.data(&store), described as usize + CONFIG_SCHEMA);
    text.map(str::to_owned).ok_or_else(|| Error::new("its schema is no text"))
}

/// The string whose address and length are at `at`.
fn text_at(memory: &[u8], at: usize) -> Option<&str> {
    let word = |at: usize| {
        let bytes = memory.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let (from, length) = (word(at)?, word(at + 4)?);
    std::str::from_utf8(memory.get(from..from.checked_add(length)?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_within_bounds_only() {
        let mut memory = vec![0; 16];
        memory.extend(b"{\"type\":\"object\"}");
        memory[8..12].copy_from_slice(&16_u32.to_le_bytes());
        memory[12..16].copy_from_slice(&17_u32.to_le_bytes());
        assert_eq!(text_at(&memory, 8), Some("{\"type\":\"object\"}"));
        memory[12] = 18;
        assert_eq!(text_at(&memory, 8), None, "longer than the memory");
        assert_eq!(text_at(&memory, 30), None, "no room for address and length");
    }
}
