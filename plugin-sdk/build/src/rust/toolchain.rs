//! Finds a compiler that knows wasm32-unknown-unknown: the user's own, the user's own after rustup
//! fetched the target, or Debian's, which builds the standard library from source.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::BuildError;

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's rustc-web and the sources of its standard library, from rust-web-src.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/std";

/// Without a network rustup would wait far longer than anyone cares to.
const RUSTUP_PATIENCE: Duration = Duration::from_secs(20);

/// A way to compile for WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The compiler on the path has the target.
    Installed,
    /// Debian's compiler, with a standard library made on the way and a linker found elsewhere.
    BuildStd { rustc: PathBuf, linker: PathBuf },
}

impl Toolchain {
    /// Makes `command`, a cargo build, use this toolchain.
    pub(crate) fn apply(&self, command: &mut Command) {
        let Self::BuildStd { rustc, linker } = self else {
            return;
        };
        command
            .env("RUSTC", rustc)
            // Building the standard library is unstable; this is the switch that distributions use.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
            .arg("-Zbuild-std=std,panic_abort");
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => f.write_str("the installed toolchain"),
            Self::BuildStd { rustc, .. } => {
                write!(
                    f,
                    "{} and a standard library from source (minutes the first time, seconds later)",
                    rustc.display()
                )
            }
        }
    }
}

/// Finds a toolchain for a crate in `dir`, where a toolchain file may speak.
pub(crate) fn find(dir: &Path) -> Result<Toolchain, BuildError> {
    let sysroot = sysroot(dir).ok_or(BuildError::NoToolchain)?;
    if has_target(&sysroot) || (rustup_adds_target(dir) && has_target(&sysroot)) {
        return Ok(Toolchain::Installed);
    }
    let linker = linker_below(&sysroot)
        .filter(|_| Path::new(DEBIAN_RUSTC).exists() && Path::new(DEBIAN_LIBRARY).exists());
    let linker = linker.ok_or(BuildError::NoToolchain)?;
    Ok(Toolchain::BuildStd { rustc: DEBIAN_RUSTC.into(), linker })
}

fn sysroot(dir: &Path) -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).current_dir(dir).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim()))
}

fn has_target(sysroot: &Path) -> bool {
    rustlib(sysroot).join(TARGET).join("lib").exists()
}

fn rustlib(sysroot: &Path) -> PathBuf {
    sysroot.join("lib").join("rustlib")
}

fn linker_below(sysroot: &Path) -> Option<PathBuf> {
    let hosts = std::fs::read_dir(rustlib(sysroot)).ok()?;
    let candidates = hosts.flatten().map(|host| host.path().join("bin").join("rust-lld"));
    candidates.into_iter().find(|path| path.exists())
}

/// Quiet: where this cannot work there is another way, or an error that says what to do.
fn rustup_adds_target(dir: &Path) -> bool {
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).current_dir(dir).env("RUSTUP_MAX_RETRIES", "0");
    let Ok(mut rustup) = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    else {
        return false;
    };
    let deadline = Instant::now() + RUSTUP_PATIENCE;
    while Instant::now() < deadline {
        match rustup.try_wait() {
            Ok(None) => thread::park_timeout(Duration::from_millis(50)),
            Ok(Some(status)) => return status.success(),
            Err(_) => break,
        }
    }
    // Nothing depends on how it ends.
    _ = rustup.kill();
    _ = rustup.wait();
    false
}
