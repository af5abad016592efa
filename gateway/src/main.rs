//! The `weir` binary: hands the arguments over and turns an error into a sentence and an exit code.

use std::io::Write as _;
use std::process::ExitCode;

/// A request makes some dozens of short-lived allocations on one thread, which is what this one is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    weir::cli::run().unwrap_or_else(|error| {
        // The alternate form prints the causes behind the sentence. If nobody reads it, the code tells.
        _ = writeln!(std::io::stderr(), "Error: {:#}", anyhow::Error::new(error));
        ExitCode::FAILURE
    })
}
