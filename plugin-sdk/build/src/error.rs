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
    #[error("there is no plugin in {}: it has no Cargo.toml (Rust), go.mod (Go), package.json (JavaScript) or pyproject.toml (Python)", dir.display())]
    NoCrate {
        /// The folder.
        dir: PathBuf,
    },
    /// The tools of a language are not there.
    #[error("there is no `{program}` here: {advice}")]
    NoLanguage {
        /// The program that was looked for.
        program: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The plugin does not compile; the compiler printed why.
    #[error("{program} failed ({status})")]
    Compile {
        /// What was run.
        program: &'static str,
        /// How it ended.
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
    /// The tools of a language could not be fetched.
    #[error(
        "{what} cannot be fetched from its registry; is there a network? WEIR_TOOLS names a folder that may hold it already"
    )]
    Fetch {
        /// The tools.
        what: String,
        /// What the package manager said.
        source: Box<Self>,
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
