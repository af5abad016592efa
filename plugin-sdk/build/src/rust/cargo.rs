//! Runs cargo and finds out what it made.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::toolchain::Toolchain;
use crate::BuildError;

/// One run of cargo.
pub(crate) struct Job<'a> {
    pub(crate) dir: &'a Path,
    /// The crate in `dir` if empty.
    pub(crate) packages: &'a [&'a str],
    pub(crate) target_dir: &'a Path,
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) purpose: Purpose,
}

/// What the modules are for.
pub(crate) enum Purpose {
    /// To be run once, by `describe`.
    Draft,
    /// To become components, with these schemas by crate.
    Plugin { schemas: Vec<(String, String)> },
}

/// A core module that cargo made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) package: String,
    /// As the compiler has it: without hyphens.
    pub(crate) crate_name: String,
    pub(crate) path: PathBuf,
}

/// Settings that suit a plugin, so that authors need none. Debug information would be most of the
/// file; names stay, for they make traps readable.
const PROFILE: &[(&str, &str)] = &[
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "false"),
];

/// Settings of a draft: quick to build, and quick enough for an interpreter.
const DRAFT: &[(&str, &str)] = &[
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "false"),
];

/// Where `export!` of the SDK finds the schema, followed by the name of the crate. Not of the package: where `cargo` is a
/// script, some shells hand on no variable with a hyphen in its name.
const SCHEMA: &str = "WEIR_CONFIG_SCHEMA_";

/// A stack of 32 KiB lies in the part of memory that the gateway resets by copying; with the usual
/// 1 MiB a fresh instance costs twice as much.
const RUSTFLAGS: &str = "-Clink-arg=-zstack-size=32768";

/// What an outer cargo, clippy or coverage run leaves in the environment of build scripts; meant
/// for the host, wrong for the plugin.
const NOT_OURS: &[&str] = &[
    "RUSTFLAGS",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CLIPPY_ARGS",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "TARGET",
];

/// The folder of the workspace that `dir` belongs to.
pub(crate) fn workspace_root(dir: &Path) -> Result<PathBuf, BuildError> {
    let mut command = program(dir);
    command.args(["locate-project", "--workspace", "--message-format", "plain"]).stderr(Stdio::null());
    let output = command.output().map_err(|source| BuildError::Run { program: "cargo".into(), source })?;
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    match manifest.parent() {
        Some(root) if output.status.success() => Ok(root.to_owned()),
        Some(_) | None => Err(BuildError::NoCrate { dir: dir.to_owned() }),
    }
}

/// Compiles, and gives the modules that came out.
pub(crate) fn compile(job: &Job<'_>) -> Result<Vec<Module>, BuildError> {
    let mut command = program(job.dir);
    command.args(["build", "--release", "--lib", "--target", "wasm32-unknown-unknown"]);
    command.args(["--message-format", "json-render-diagnostics", "--target-dir"]).arg(job.target_dir);
    for package in job.packages {
        command.args(["-p", package]);
    }
    match &job.purpose {
        Purpose::Draft => _ = command.envs(DRAFT.iter().copied()).env("CARGO_ENCODED_RUSTFLAGS", ""),
        Purpose::Plugin { schemas } => {
            command.envs(PROFILE.iter().copied()).env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS);
            command.envs(schemas.iter().map(|(name, schema)| (format!("{SCHEMA}{name}"), schema)));
        }
    }
    job.toolchain.apply(&mut command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| BuildError::Run { program: "cargo".into(), source })?;
    if !output.status.success() {
        return Err(BuildError::Compile { program: "cargo", status: output.status });
    }
    let modules = modules_in(&String::from_utf8_lossy(&output.stdout));
    if modules.is_empty() {
        return Err(BuildError::NoComponent { dir: job.dir.to_owned() });
    }
    Ok(modules)
}

fn program(dir: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(dir).stdin(Stdio::null());
    for name in NOT_OURS {
        command.env_remove(name);
    }
    command
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    package_id: Option<String>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn modules_in(stdout: &str) -> Vec<Module> {
    let messages = stdout.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let artifacts = messages.filter(|message| message.reason == "compiler-artifact");
    let modules = artifacts.filter_map(|message| {
        let is_module = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "wasm");
        let path = message.filenames.iter().find(is_module)?.clone();
        let crate_name = message.target.as_ref()?.name.replace('-', "_");
        Some(Module { package: package_name(&message)?, crate_name, path })
    });
    modules.collect()
}

/// A package id is `path+file:///x/key-auth#3.9.3`, or `path+file:///x/folder#key-auth@3.9.3` where
/// folder and name differ.
fn package_name(message: &Message) -> Option<String> {
    let id = message.package_id.as_deref()?;
    let (_, fragment) = id.rsplit_once('#')?;
    match fragment.split_once('@') {
        Some((name, _)) => Some(name.to_owned()),
        None => Some(message.manifest_path.parent()?.file_name()?.to_string_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_among_cargos_messages() {
        let stdout = r#"
{"reason":"compiler-artifact","package_id":"registry+https://x#serde@1.0.0","manifest_path":"/r/serde/Cargo.toml","filenames":["/t/libserde.rlib"]}
{"reason":"compiler-artifact","package_id":"path+file:///w/key-auth#3.9.3","manifest_path":"/w/key-auth/Cargo.toml","target":{"name":"key_auth"},"filenames":["/t/key_auth.wasm","/t/libkey_auth.rlib"]}
{"reason":"compiler-artifact","package_id":"path+file:///w/folder#other-name@0.1.0","manifest_path":"/w/folder/Cargo.toml","target":{"name":"lib-name"},"filenames":["/t/other_name.wasm"]}
{"reason":"build-finished","success":true}"#;
        let module = |package: &str, crate_name: &str, path: &str| Module {
            package: package.into(),
            crate_name: crate_name.into(),
            path: path.into(),
        };
        assert_eq!(
            modules_in(stdout),
            [
                module("key-auth", "key_auth", "/t/key_auth.wasm"),
                module("other-name", "lib_name", "/t/other_name.wasm")
            ]
        );
    }
}
