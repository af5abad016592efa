//! Rust plugins: finds a compiler that knows the target, and runs cargo with settings that suit a
//! plugin.
//!
//! Each crate is built twice: a draft, which is run to learn the schema of its configuration, and
//! the plugin, which has that schema as a text and not the code that makes it.

mod cargo;
mod describe;
mod toolchain;

use std::path::{Path, PathBuf};
use std::time::Instant;

use self::cargo::{Module, Purpose};
use crate::progress::tell;
use crate::{BuildError, Built, Options, component};

/// Builds the crate in `dir`, which may stand in a workspace or alone.
pub(crate) fn build(dir: &Path, options: &Options) -> Result<PathBuf, BuildError> {
    let built = build_packages(dir, &[], options)?;
    match built.into_iter().next() {
        Some(built) => Ok(built.path),
        None => Err(BuildError::NoComponent { dir: dir.to_owned() }),
    }
}

/// Builds several members of the workspace in `dir` with one run of cargo.
///
/// # Errors
///
/// As `build`.
pub fn build_packages(dir: &Path, packages: &[&str], options: &Options) -> Result<Vec<Built>, BuildError> {
    let started = Instant::now();
    let root = cargo::workspace_root(dir)?;
    let target_dir = options.target_dir.clone().unwrap_or_else(|| root.join("target").join("wasm"));
    let toolchain = toolchain::find(dir)?;
    tell(format_args!("building {} with {toolchain}", what(dir, packages)));
    let draft_dir = target_dir.join("describe");
    let job = |target_dir, purpose| cargo::Job { dir, packages, target_dir, toolchain: &toolchain, purpose };
    let drafts = cargo::compile(&job(&draft_dir, Purpose::Draft))?;
    let schemas = drafts.iter().filter_map(schema).collect();
    let modules = cargo::compile(&job(&target_dir, Purpose::Plugin { schemas }))?;
    let mut built = Vec::with_capacity(modules.len());
    for module in modules {
        let path = target_dir.join(format!("{}.wasm", module.package));
        let size = component::write(&module.path, &path, component::encode)?;
        tell(format_args!("{}: {size} bytes", path.display()));
        built.push(Built { package: module.package, path });
    }
    tell(format_args!("built {} in {:.1} s", what(dir, packages), started.elapsed().as_secs_f32()));
    Ok(built)
}

/// The schema of a draft's configuration. Without one the component makes its own when it is asked.
fn schema(draft: &Module) -> Option<(String, String)> {
    let module = std::fs::read(&draft.path).ok()?;
    let schema = describe::config_schema(&module);
    let schema =
        schema.inspect_err(|error| tell(format_args!("{} is not described: {error}", draft.package))).ok()?;
    Some((draft.crate_name.clone(), schema))
}

fn what(dir: &Path, packages: &[&str]) -> String {
    if packages.is_empty() { dir.display().to_string() } else { packages.join(", ") }
}
