//! Lists the files of the Go SDK, which the builder brings along: `$OUT_DIR/go_sdk.rs`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let sdk = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../go").canonicalize()?;
    println!("cargo::rerun-if-changed={}", sdk.display());
    let mut files = Vec::new();
    collect(&sdk, &mut files)?;
    files.sort();
    let mut text = String::from("/// Path and text of each file.\nconst SDK: &[(&str, &str)] = &[\n");
    for file in files {
        let path = file.strip_prefix(&sdk)?.to_string_lossy().replace('\\', "/");
        writeln!(text, "    ({path:?}, include_str!({file:?})),")?;
    }
    text.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("go_sdk.rs"), text)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "go" || extension == "mod") {
            files.push(path);
        }
    }
    Ok(())
}
