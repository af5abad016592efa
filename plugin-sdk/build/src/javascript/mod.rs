//! Turns a JavaScript or TypeScript plugin into a component: checks its types, makes one module of
//! it and the SDK, and puts that into QuickJS.
//!
//! QuickJS and not SpiderMonkey: a tenth of the size, of the compile time and of a warm call.

mod sdk;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::json;

use crate::BuildError;
use crate::interpreted::{self, Manifest, exports, file_error, run, write_file, write_wit};
use crate::progress::tell;

use tools::Tools;

/// The file that makes a folder a JavaScript plugin, if it has a `weir` section.
pub(crate) const MANIFEST: &str = "package.json";

/// Builds the plugin in `dir` into `dir/build/<folder>.wasm`.
///
/// # Errors
///
/// [`BuildError`]; what the tools said went to stderr.
pub(crate) fn build(dir: &Path) -> Result<PathBuf, BuildError> {
    let started = Instant::now();
    let path = dir.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(file_error(&path))?;
    let manifest = Manifest::parse(&text, &path)?;
    let dir = &fs::canonicalize(dir).map_err(file_error(dir))?;
    let entry = entry(dir, &manifest, &path)?;
    let tools = Tools::find()?;
    let work = dir.join("build").join("work");
    fs::create_dir_all(&work).map_err(file_error(&work))?;
    let sdk = sdk::write(dir)?;
    tell(format_args!("building {} with QuickJS", dir.display()));
    check_types(&tools, dir)?;
    let bundle = bundle(&tools, &manifest, &Sources { dir, entry: &entry, sdk: &sdk, work: &work })?;
    let wit = write_wit(&manifest, &path, &work)?;
    let raw = work.join("component.wasm");
    let mut command = tools.componentize();
    command.args(["--sync", "--stub-wasi", "--world", "plugin", "--wit"]).arg(wit);
    command.arg("--js").arg(&bundle).arg("--output").arg(&raw).current_dir(&work);
    run(&mut command, "componentize-qjs")?;
    let made = interpreted::component_path(dir);
    let size = interpreted::write_marked(&raw, &made, language(&entry))?;
    tell(format_args!("{}: {size} bytes", made.display()));
    tell(format_args!("built {} in {:.1} s", dir.display(), started.elapsed().as_secs_f32()));
    Ok(made)
}

/// Where everything is that becomes one module.
struct Sources<'a> {
    dir: &'a Path,
    entry: &'a Path,
    sdk: &'a Path,
    work: &'a Path,
}

fn entry(dir: &Path, manifest: &Manifest, path: &Path) -> Result<PathBuf, BuildError> {
    let usual = ["src/index.ts", "src/index.js", "index.ts", "index.js"].map(PathBuf::from);
    let candidates = manifest.weir.entry.as_ref().map_or(usual.as_slice(), std::slice::from_ref);
    let found = candidates.iter().map(|candidate| dir.join(candidate)).find(|candidate| candidate.exists());
    found.ok_or_else(|| BuildError::Manifest {
        path: path.to_owned(),
        reason: "there is no src/index.ts or src/index.js; weir.entry names another file".into(),
    })
}

fn language(entry: &Path) -> &'static str {
    if entry.extension().is_some_and(|extension| extension == "ts") { "TypeScript" } else { "JavaScript" }
}

/// A plugin with a tsconfig.json wants its types checked, the JavaScript ones too.
fn check_types(tools: &Tools, dir: &Path) -> Result<(), BuildError> {
    if !dir.join("tsconfig.json").exists() {
        return Ok(());
    }
    let mut command = tools.node_script("typescript/bin/tsc");
    run(command.args(["--noEmit", "--pretty", "false", "-p"]).arg(dir), "checking types").map(drop)
}

/// One ES module of the plugin, the SDK, and what names the exports of the contract.
fn bundle(tools: &Tools, manifest: &Manifest, from: &Sources<'_>) -> Result<PathBuf, BuildError> {
    let glue = from.work.join("glue.js");
    write_file(&glue, &glue_of(manifest, from)?)?;
    let bundle = from.work.join("bundle.js");
    let mut command: Command = tools.esbuild();
    command.arg(&glue).args(["--bundle", "--format=esm", "--target=es2023", "--platform=neutral"]);
    command.args(["--main-fields=module,main", "--external:weir:*", "--log-level=warning"]);
    command.arg(format!("--alias:weir-plugin={}", from.sdk.display()));
    command.arg(format!("--outfile={}", bundle.display())).current_dir(from.dir);
    run(&mut command, "esbuild")?;
    Ok(bundle)
}

fn glue_of(manifest: &Manifest, from: &Sources<'_>) -> Result<String, BuildError> {
    let about = json!(manifest.about(from.dir)?);
    let entry = json!(from.entry);
    let mut glue = format!("import plugin from {entry};\nimport {{ bind }} from \"weir-plugin/guest\";\n");
    let migrates = manifest.weir.migrates;
    let repeatable = json!(manifest.weir.repeatable);
    glue.push_str(&format!("const guest = bind(plugin, {about}, {migrates}, {repeatable});\n"));
    for export in ["meta", "lifecycle"].into_iter().chain(exports(manifest)).map(lower_camel) {
        glue.push_str(&format!("export const {export} = guest.{export};\n"));
    }
    Ok(glue)
}

/// `request-head` as JavaScript has it: `requestHead`.
fn lower_camel(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| {
        let (head, rest) = word.split_at(1.min(word.len()));
        all + &head.to_ascii_uppercase() + rest
    })
}
