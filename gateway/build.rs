//! Builds the bundled plugins and lists them for `plugin_host`: `$OUT_DIR/bundled.rs`.
//!
//! They are made like any other plugin, by `weir-plugin-build`, in one run of cargo. With
//! `WEIR_BUNDLED_DIR` set, ready components are taken from that folder instead: one `NAME.wasm` for
//! each bundled plugin. Templates and SDK for authors are listed beside them: `build/embedded.rs`.

#[path = "build/embedded.rs"]
mod embedded;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use weir_plugin_build::{Options, build_packages};

const READY: &str = "WEIR_BUNDLED_DIR";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={READY}");
    let names = bundled(&root)?;
    let components = match env::var_os(READY) {
        Some(ready) => in_folder(Path::new(&ready), &names),
        None => build(&root, &out, &names)?,
    };
    fs::write(out.join("bundled.rs"), listing(&components)?)?;
    embedded::write(&root, &out.join("embedded.rs"))
}

/// The folders of the bundled plugins, which are also their names.
fn bundled(root: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = root.join("example-plugins").join("bundled");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join("Cargo.toml").exists() {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn in_folder(folder: &Path, names: &[String]) -> Vec<(String, PathBuf)> {
    let component = |name: &String| {
        let path = folder.join(format!("{name}.wasm"));
        println!("cargo::rerun-if-changed={}", path.display());
        (name.clone(), path)
    };
    names.iter().map(component).collect()
}

fn build(root: &Path, out: &Path, names: &[String]) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    for source in [
        "example-plugins/bundled",
        "example-plugins/bundled-shared",
        "plugin-sdk/src",
        "plugin-sdk/Cargo.toml",
        "wit/plugin.wit",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let packages: Vec<&str> = names.iter().map(String::as_str).collect();
    // OUT_DIR is <target>/<profile>/build/<package>/out; debug and release share what is below.
    let target_dir = out.ancestors().nth(4).map(|target| target.join("wasm"));
    let built = build_packages(root, &packages, &Options { target_dir })?;
    Ok(built.into_iter().map(|built| (built.package, built.path)).collect())
}

fn listing(components: &[(String, PathBuf)]) -> Result<String, Box<dyn Error>> {
    let mut text = String::from(
        "/// Name and bytes of each bundled plugin.\npub(crate) static BUNDLED: &[(&str, &[u8])] = &[\n",
    );
    for (name, path) in components {
        let path = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        writeln!(text, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    text.push_str("];\n");
    Ok(text)
}
