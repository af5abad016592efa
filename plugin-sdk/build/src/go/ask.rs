//! Asks a module what it takes part in, by running it as far as that.

use std::collections::HashSet;
use std::io::Write as _;

use wasmi::{Caller, Engine, Error, ExternType, Linker, Module, Store, Val};

/// The interfaces by the bits of `weir_phases`, which plugin-sdk/go/register.go gives.
const PHASES: [&str; 12] = [
    "weir:plugin/request-head@0.1.0",
    "weir:plugin/request-body@0.1.0",
    "weir:plugin/request-stream@0.1.0",
    "weir:plugin/request-trailers@0.1.0",
    "weir:plugin/response-head@0.1.0",
    "weir:plugin/response-body@0.1.0",
    "weir:plugin/response-stream@0.1.0",
    "weir:plugin/response-trailers@0.1.0",
    "weir:plugin/log-phase@0.1.0",
    "weir:plugin/before-routing@0.1.0",
    "weir:plugin/config-migration@0.1.0",
    "weir:plugin/repeatable@0.1.0",
];
const ALWAYS: [&str; 2] = ["weir:plugin/meta@0.1.0", "weir:plugin/lifecycle@0.1.0"];

/// What a module said.
pub(super) struct Said {
    pub(super) phases: u32,
    /// Address of the arena of plugin-sdk/go/internal/abi.
    pub(super) arena: u32,
}

impl Said {
    /// The interfaces to export.
    pub(super) fn exports(&self) -> Vec<&'static str> {
        let taken = PHASES.into_iter().enumerate().filter(|(bit, _)| self.phases & (1 << bit) != 0);
        ALWAYS.into_iter().chain(taken.map(|(_, name)| name)).collect()
    }
}

/// Runs the initialisation of `module`, init functions included, and asks it.
///
/// # Errors
///
/// Why it cannot be asked; what it wrote meanwhile went to stderr.
pub(super) fn ask(module: &[u8]) -> Result<Said, Error> {
    let engine = Engine::default();
    let module = Module::new(&engine, module)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    // The runtime and package syscall import some functions each for itself.
    let mut known = HashSet::new();
    for import in module.imports().filter(|import| known.insert((import.module(), import.name()))) {
        if let ExternType::Func(kind) = import.ty() {
            let name = import.name().to_owned();
            let answer = move |caller: Caller<'_, ()>, arguments: &[Val], results: &mut [Val]| {
                let number = system(&name, caller, arguments)?;
                results.iter_mut().for_each(|result| *result = Val::I32(number));
                Ok(())
            };
            linker.func_new(import.module(), import.name(), kind.clone(), answer)?;
        }
    }
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    instance.get_typed_func::<(), ()>(&store, "_initialize")?.call(&mut store, ())?;
    let mut number = |name| instance.get_typed_func::<(), u32>(&store, name)?.call(&mut store, ());
    Ok(Said { phases: number("weir_phases")?, arena: number("weir_arena")? })
}

/// A system in which nothing is there and no time passes. What functions shall fill is zero already.
fn system(name: &str, mut caller: Caller<'_, ()>, arguments: &[Val]) -> Result<i32, Error> {
    match name {
        "fd_write" => Ok(write(caller, arguments).unwrap_or_default()),
        "fd_prestat_get" => Ok(8),
        "clock_time_get" => Ok(tell_time(&mut caller, arguments).map_or(8, |()| 0)),
        "proc_exit" => Err(Error::new("it ended itself")),
        _ if name.contains('-') || name.starts_with('[') => {
            Err(Error::new("an init function calls the gateway, which is not there at build time"))
        }
        _ => Ok(0),
    }
}

/// Go does not begin before 1970 has passed.
fn tell_time(caller: &mut Caller<'_, ()>, arguments: &[Val]) -> Option<()> {
    let at: usize = arguments.get(2)?.i32()?.try_into().ok()?;
    let memory = caller.get_export("memory")?.into_memory()?;
    memory.write(caller, at, &1_u64.to_le_bytes()).ok()
}

/// Passes on what the program writes, a panic for instance.
fn write(mut caller: Caller<'_, ()>, arguments: &[Val]) -> Option<i32> {
    let number = |at: usize| arguments.get(at)?.i32()?.try_into().ok();
    let (parts, count, written): (usize, usize, usize) = (number(1)?, number(2)?, number(3)?);
    let memory = caller.get_export("memory")?.into_memory()?;
    let data = memory.data(&caller);
    let word = |at: usize| Some(u32::from_le_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let mut total = 0_u32;
    for part in (0..count).map(|index| parts + 8 * index) {
        let (from, length) = (word(part)? as usize, word(part + 4)?);
        // There is nobody to tell if stderr is closed.
        _ = std::io::stderr().write_all(data.get(from..from.checked_add(length as usize)?)?);
        total = total.checked_add(length)?;
    }
    memory.write(&mut caller, written, &total.to_le_bytes()).ok()?;
    Some(0)
}
