//! What a function can be linked to: the `proxy` world of `wasi:http` 0.2, and beside it the interfaces
//! that the standard libraries of languages import whether they are used or not, with nothing behind them.

use wasmtime::component::Linker;
use wasmtime::{Engine, Result};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, filesystem, random};
use wasmtime_wasi::random::WasiRandom;

use super::{FunctionState, clock};

/// The imports of functions.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<FunctionState>> {
    let mut linker = Linker::<FunctionState>::new(engine);
    let l = &mut linker;
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)?;
    random::insecure::add_to_linker::<_, WasiRandom>(l, |state| state.wasi.random())?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, |state| state.wasi.random())?;
    cli::environment::add_to_linker::<_, WasiCli>(l, FunctionState::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, FunctionState::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, FunctionState::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, FunctionState::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, FunctionState::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, FunctionState::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, FunctionState::cli)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(l, FunctionState::filesystem)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(l, FunctionState::filesystem)?;
    // In place of the one above, whose alarms ring when they are due and not before.
    l.allow_shadowing(true);
    clock::link(l)?;
    Ok(linker)
}
