//! What authors of plugins get from the binary: `$OUT_DIR/embedded.rs` lists the templates and the SDK.
//!
//! The SDK is not published, and an author has no checkout of this repository: so a project gets the
//! sources that the gateway itself was built from. Its manifests take versions from the workspace;
//! the listing has a small workspace of its own for them.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What makes up the Rust SDK.
const RUST_SDK: &[&str] = &["plugin-sdk/Cargo.toml", "plugin-sdk/src", "wit/plugin.wit"];

pub(crate) fn write(root: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let templates = root.join("plugin-sdk").join("templates");
    println!("cargo::rerun-if-changed={}", templates.display());
    let mut text = String::from("/// Files of the templates: path below `plugin-sdk/templates`, content.\n");
    list(&mut text, "TEMPLATES", &templates, &files(&templates)?)?;
    let mut sdk = Vec::new();
    for part in RUST_SDK {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
        sdk.extend(files(&root.join(part))?);
    }
    text.push_str("/// Files of the Rust SDK: path below the root of the repository, content.\n");
    list(&mut text, "RUST_SDK", root, &sdk)?;
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());
    let manifest = workspace(
        &fs::read_to_string(root.join("Cargo.toml"))?,
        &fs::read_to_string(root.join("plugin-sdk/Cargo.toml"))?,
    );
    writeln!(text, "/// The workspace that the Rust SDK stands in, without the rest of the repository.")?;
    writeln!(text, "pub(super) static RUST_SDK_WORKSPACE: &str = {manifest:?};")?;
    Ok(fs::write(to, text)?)
}

/// All files at or below `path`, in order.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let mut all = Vec::new();
    for entry in entries {
        all.extend(files(&entry)?);
    }
    Ok(all)
}

fn list(text: &mut String, name: &str, base: &Path, files: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    writeln!(text, "pub(super) static {name}: &[(&str, &[u8])] = &[")?;
    for file in files {
        writeln!(text, "    ({:?}, include_bytes!({file:?})),", file.strip_prefix(base)?)?;
    }
    text.push_str("];\n");
    Ok(())
}

/// The root manifest, cut down to what `member` takes from it.
fn workspace(root: &str, member: &str) -> String {
    let wanted = |line: &&str| {
        let name = line.split('=').next().unwrap_or_default().trim();
        member.lines().any(|line| line.trim() == format!("{name}.workspace = true"))
    };
    let package: Vec<_> = section(root, "[workspace.package]").filter(wanted).collect();
    let dependencies: Vec<_> = section(root, "[workspace.dependencies]").filter(wanted).collect();
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"plugin-sdk\"]\n\n[workspace.package]\n{}\n\n\
         [workspace.dependencies]\n{}\n\n[workspace.lints]\n",
        package.join("\n"),
        dependencies.join("\n")
    )
}

/// The lines below a heading.
fn section<'a>(text: &'a str, heading: &str) -> impl Iterator<Item = &'a str> {
    let rest = text.split_once(&format!("\n{heading}\n")).map_or("", |(_, rest)| rest);
    rest.lines().take_while(|line| !line.starts_with('['))
}
