//! Turns a Python plugin into a component: CPython, the SDK and the plugin's modules in one.

mod sdk;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use crate::BuildError;
use crate::interpreted::{self, Manifest, Phase, file_error, run, write_file, write_wit};
use crate::progress::tell;

use tools::Tools;

/// The file that makes a folder a Python plugin, if it has a `[tool.weir]` section.
pub(crate) const MANIFEST: &str = "pyproject.toml";

/// Where a plugin's code is if its manifest does not say.
const USUAL_ENTRY: &str = "plugin.py";

/// Builds the plugin in `dir` into `dir/build/<folder>.wasm`.
///
/// # Errors
///
/// [`BuildError`]; what the tools said went to stderr.
pub(crate) fn build(dir: &Path) -> Result<PathBuf, BuildError> {
    let started = Instant::now();
    let tools = Tools::find()?;
    let path = dir.join(MANIFEST);
    let manifest = Manifest::parse(&tools.manifest(&path)?, &path)?;
    let dir = &fs::canonicalize(dir).map_err(file_error(dir))?;
    let entry = dir.join(manifest.weir.entry.as_deref().unwrap_or(Path::new(USUAL_ENTRY)));
    let module = entry.file_stem().filter(|_| entry.exists()).map(|stem| stem.to_string_lossy().into_owned());
    let module = module.ok_or_else(|| BuildError::Manifest {
        path: path.clone(),
        reason: format!("there is no {}; tool.weir.entry names the file", entry.display()),
    })?;
    let work = dir.join("build").join("work");
    let sdk = sdk::write(dir)?;
    tell(format_args!("building {} with CPython, which takes half a minute", dir.display()));
    write_file(&work.join("weir_component.py"), &glue(&manifest, dir, &module)?)?;
    let wit = write_wit(&manifest, &path, &work)?;
    let raw = work.join("component.wasm");
    let mut command = tools.componentize();
    command.arg("--wit-path").arg(wit).args(["--world", "plugin", "--quiet", "componentize", "--stub-wasi"]);
    let code = entry.parent().unwrap_or(dir).to_owned();
    for folder in [code, sdk, work].into_iter().chain(packages(dir)) {
        command.arg("--python-path").arg(folder);
    }
    run(command.arg("weir_component").arg("--output").arg(&raw), "componentize-py")?;
    let made = interpreted::component_path(dir);
    let size = interpreted::write_marked(&raw, &made, "Python")?;
    tell(format_args!("{}: {size} bytes", made.display()));
    tell(format_args!("built {} in {:.1} s", dir.display(), started.elapsed().as_secs_f32()));
    Ok(made)
}

/// Pure Python packages that the author installed beside the plugin, with `pip install --target`.
fn packages(dir: &Path) -> Option<PathBuf> {
    Some(dir.join("packages")).filter(|folder| folder.exists())
}

/// The module whose classes are the exports of the contract.
fn glue(manifest: &Manifest, dir: &Path, module: &str) -> Result<String, BuildError> {
    // A text of JSON is a text of Python as well.
    let about = json!(json!(manifest.about(dir)?).to_string());
    let migrates = if manifest.weir.migrates { "True" } else { "False" };
    let repeatable = json!(manifest.weir.repeatable);
    let mut glue = format!(
        "from {module} import plugin\nfrom weir_plugin.guest import Guest\n\n_guest = Guest(plugin, {about}, {migrates}, {repeatable})\n\n\n\
         class Meta:\n    def describe(self):\n        return _guest.describe()\n\n\n\
         class Lifecycle:\n    def configure(self, config_json):\n        return _guest.configure(config_json)\n"
    );
    let phases = manifest.weir.phases.iter().map(|phase| match phase {
        Phase::BeforeRouting => ("BeforeRouting", "on_before_routing", "inputs"),
        Phase::RequestHead => ("RequestHead", "on_request_head", "inputs"),
        Phase::RequestBody => ("RequestBody", "on_request_body", "carry"),
        Phase::RequestStream => ("RequestStream", "on_request_chunk", "chunk, last"),
        Phase::RequestTrailers => ("RequestTrailers", "on_request_trailers", "trailers"),
        Phase::ResponseHead => ("ResponseHead", "on_response_head", "inputs, carry"),
        Phase::ResponseBody => ("ResponseBody", "on_response_body", "carry"),
        Phase::ResponseStream => ("ResponseStream", "on_response_chunk", "chunk, last"),
        Phase::ResponseTrailers => ("ResponseTrailers", "on_response_trailers", "trailers"),
        Phase::Log => ("LogPhase", "on_log", "entries"),
    });
    let migration = ("ConfigMigration", "migrate", "from_version, config_json");
    for (class, method, arguments) in phases.chain(manifest.weir.migrates.then_some(migration)) {
        glue.push_str(&format!(
            "\n\nclass {class}:\n    def {method}(self, {arguments}):\n        return _guest.{method}({arguments})\n"
        ));
    }
    if !manifest.weir.repeatable.is_empty() {
        glue.push_str(
            "\n\nclass Repeatable:\n    def repeatable_phases(self):\n        return _guest.repeatable_phases()\n",
        );
    }
    Ok(glue)
}
