//! The compiler process: a component on standard input, machine code on standard output.
//!
//! What a compiler does with hostile input is not bounded by its makers; here it is, by the limits
//! that this process puts on itself before it reads a byte.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};
use wasmtime::component::Component;

use crate::confinement;
use crate::plugin_host::runtime::{Fuel, compiling_engine};

/// Address space, in bytes.
const MAX_MEMORY: u64 = 2 << 30;
/// Bytes that are read at most.
const MAX_INPUT: u64 = 256 << 20;

/// Runs the compiler for `cpu_seconds` at most; the exit code of the process.
pub fn main(cpu_seconds: u64, fuel: Fuel) -> u8 {
    match confine(cpu_seconds).and_then(|()| compile(fuel)) {
        Ok(()) => 0,
        Err(reason) => {
            drop(writeln!(io::stderr(), "{reason}"));
            1
        }
    }
}

fn confine(cpu_seconds: u64) -> Result<(), String> {
    let failed = |error: rustix::io::Errno| format!("the compiler cannot confine itself: {error}");
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(MAX_MEMORY)).map_err(failed)?;
    setrlimit(Resource::Cpu, limit(cpu_seconds)).map_err(failed)?;
    setrlimit(Resource::Fsize, limit(0)).map_err(failed)?;
    rustix::thread::set_no_new_privs(true).map_err(failed)?;
    let failed = |error: io::Error| format!("the compiler cannot confine itself: {error}");
    confinement::allow_core_dumps(false).map_err(|error| error.to_string())?;
    confinement::enter_as_compiler().map_err(failed)?;
    give_way_later().map_err(failed)
}

/// Competes with requests on equal terms for a second, and gives way to them after that.
///
/// A plugin of common size is compiled by then. At low priority from the start it would wait many
/// times as long on a busy machine, and every node's change with it; what takes longer can wait.
fn give_way_later() -> io::Result<()> {
    const SPRINT: Duration = Duration::from_secs(1);
    const LOW_PRIORITY: i32 = 10;
    let compiler = rustix::thread::gettid();
    let give_way = move || {
        thread::park_timeout(SPRINT);
        // Nobody is there to be told, and the other limits hold all the same.
        _ = setpriority_process(Some(compiler), LOW_PRIORITY);
    };
    thread::Builder::new().stack_size(64 << 10).spawn(give_way).map(drop)
}

fn compile(fuel: Fuel) -> Result<(), String> {
    let mut component = Vec::new();
    let read = io::stdin().lock().take(MAX_INPUT).read_to_end(&mut component);
    read.map_err(|error| format!("the component cannot be read: {error}"))?;
    let artifact = machine_code(&component, fuel)?;
    let mut out = io::stdout().lock();
    out.write_all(&artifact).and_then(|()| out.flush()).map_err(|error| format!("no way out: {error}"))
}

/// Compiles without limits: for the confined process, and for tests.
pub(super) fn machine_code(component: &[u8], fuel: Fuel) -> Result<Vec<u8>, String> {
    let engine = compiling_engine(fuel).map_err(|error| error.to_string())?;
    let compiled = Component::from_binary(&engine, component).map_err(|error| format!("{error:#}"))?;
    compiled.serialize().map_err(|error| format!("{error:#}"))
}
