//! Turns plugins into WebAssembly components, whatever language they are written in.
//!
//! A language is known by the file that its own tools begin with. Deliberately not here: loading a
//! component, which the gateway does.

mod answers;
mod component;
mod error;
mod go;
mod interpreted;
mod javascript;
mod progress;
mod python;
mod rust;

use std::path::{Path, PathBuf};

pub use component::encode;
pub use error::BuildError;
pub use rust::build_packages;

/// How to build.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// Where cargo keeps its work and the components go. `target/wasm` of the workspace if `None`,
    /// apart from what host builds use. Only for Rust; others build into `build/` of the plugin.
    pub target_dir: Option<PathBuf>,
}

/// A component that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The cargo package.
    pub package: String,
    /// The component: `<target dir>/<package>.wasm`.
    pub path: PathBuf,
}

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `Cargo.toml`.
    Rust,
    /// `go.mod`.
    Go,
    /// `package.json`; TypeScript too.
    JavaScript,
    /// `pyproject.toml`.
    Python,
}

impl Language {
    /// The language of the plugin in `dir`. Without a file that tells, it is Rust: a crate may be
    /// built from any folder of it.
    pub fn of(dir: &Path) -> Self {
        let others = [
            ("go.mod", Self::Go),
            (javascript::MANIFEST, Self::JavaScript),
            (python::MANIFEST, Self::Python),
        ];
        let found = others.into_iter().find(|(file, _)| dir.join(file).exists());
        match found {
            Some((_, language)) if !dir.join("Cargo.toml").exists() => language,
            Some(_) | None => Self::Rust,
        }
    }
}

/// Builds the plugin in `dir` and says where the component is. Takes seconds; the very first time may
/// compile a standard library, which takes minutes.
///
/// # Errors
///
/// [`BuildError`]; what the compiler said went to stderr.
pub fn build(dir: &Path, options: &Options) -> Result<PathBuf, BuildError> {
    match Language::of(dir) {
        Language::Rust => rust::build(dir, options),
        Language::Go => go::build(dir),
        Language::JavaScript => javascript::build(dir),
        Language::Python => python::build(dir),
    }
}
