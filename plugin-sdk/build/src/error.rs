//! Why there is no component.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No compiler here knows WebAssembly.
    #[error(
        "no Rust compiler here can build for wasm32-unknown-unknown; run `rustup target add wasm32-unknown-unknown`, \
         or `make setup` in a checkout of Weir, which installs Debian's rustc-web and rust-web-src where rustup cannot"
    )]
    NoToolchain,
    /// A program could not be started.
    #[error("cannot run {program}")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// There is no crate in the folder.
    #[error("there is no Cargo.toml in {} or above it", dir.display())]
    NoCrate {
        /// The folder.
        dir: PathBuf,
    },
    /// The crate does not compile; cargo printed why.
    #[error("cargo build failed ({status})")]
    Compile {
        /// How cargo ended.
        status: ExitStatus,
    },
    /// The crate compiles but makes no module.
    #[error("{} makes no WebAssembly module: its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`", dir.display())]
    NoComponent {
        /// The folder.
        dir: PathBuf,
    },
    /// The manifest, or a file that it names, is wrong.
    #[error("{}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The interpreter or package manager of a language is missing or too old.
    #[error("{needed} is needed, and {found} is here; {advice}")]
    NoInterpreter {
        /// What is needed, for instance `Node.js 20`.
        needed: &'static str,
        /// What was found.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// The tools of a language could not be fetched.
    #[error(
        "{what} cannot be fetched from its registry; is there a network? WEIR_TOOLS names a folder that may hold it already"
    )]
    Fetch {
        /// The tools.
        what: String,
        /// What the package manager said.
        source: Box<BuildError>,
    },
    /// A tool failed; what it said went to stderr.
    #[error("{what} failed ({status})")]
    Tool {
        /// The step.
        what: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The module cannot be made a component.
    #[error("{} cannot be made a component: {reason}", module.display())]
    Encode {
        /// The module.
        module: PathBuf,
        /// What is wrong with it, outermost first.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
