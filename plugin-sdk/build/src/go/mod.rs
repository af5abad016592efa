//! Go plugins: the stock toolchain makes a module, which gets the parts that Go cannot have: a
//! `cabi_realloc` that is not Go code, and in place of WASI an adapter that knows the contract alone.
//! The reasons are in `docs/decisions/0021-go-without-wasi.md`.

mod ask;
mod componentize;
mod rewrite;
mod sdk;
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::progress::tell;
use crate::{BuildError, component};

/// What the language of a component is called in its producers section.
const LANGUAGE: &str = "Go";

/// Builds the module in `dir` into `dir/build/<folder>.wasm`.
pub(crate) fn build(dir: &Path) -> Result<PathBuf, BuildError> {
    let started = Instant::now();
    let dir = dir.canonicalize().map_err(|source| BuildError::File { path: dir.to_owned(), source })?;
    let name = dir.file_name().unwrap_or("plugin".as_ref()).to_string_lossy().into_owned();
    let out = dir.join("build");
    std::fs::create_dir_all(&out).map_err(|source| BuildError::File { path: out.clone(), source })?;
    sdk::provide(&dir)?;
    tell(format_args!("building {} with go", dir.display()));
    let module = out.join(format!("{name}.module.wasm"));
    compile(&dir, &module)?;
    let path = out.join(format!("{name}.wasm"));
    let size = component::write(&module, &path, componentize::componentize)?;
    tell(format_args!("{}: {size} bytes", path.display()));
    tell(format_args!("built {} in {:.1} s", dir.display(), started.elapsed().as_secs_f32()));
    Ok(path)
}

fn compile(dir: &Path, to: &Path) -> Result<(), BuildError> {
    let mut command = Command::new("go");
    command.current_dir(dir).stdin(Stdio::null());
    command.env("GOOS", "wasip1").env("GOARCH", "wasm").env("CGO_ENABLED", "0");
    // Debug information would be half of the file; names stay, for they make traps readable.
    command.args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-w", "-o"]);
    let status = command.arg(to).arg(".").status().map_err(|source| {
        if source.kind() != std::io::ErrorKind::NotFound {
            return BuildError::Run { program: "go".into(), source };
        }
        BuildError::NoLanguage {
            program: "go",
            advice: "install Go 1.24 or newer (https://go.dev/dl) and put it on the path",
        }
    })?;
    if status.success() { Ok(()) } else { Err(BuildError::Compile { program: "go", status }) }
}
