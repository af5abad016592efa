//! `weir plugin new`: writes a project that builds, with its tests and one request to try.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::templates::Template;
use super::{PluginError, sdk};
use crate::cli::output::say;

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The name of the plugin, which is also the name of its folder.
    name: String,
    /// rust, go, javascript, typescript or python.
    #[arg(long = "lang", value_name = "LANGUAGE")]
    language: String,
    /// auth, rate-limit, transform or log; transform if absent.
    #[arg(long)]
    kind: Option<String>,
    /// The folder to write, if it is not to be called like the plugin.
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &NewArgs) -> Result<(), PluginError> {
    let name = args.name.as_str();
    if !is_name(name) {
        return Err(PluginError::Name(name.to_owned()));
    }
    let template = Template::find(&args.language, args.kind.as_deref())?;
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    if !is_empty(&dir)? {
        return Err(PluginError::Exists { dir });
    }
    let files = template.render(name);
    for (path, content) in &files {
        sdk::write_file(&dir.join(path), content)?;
    }
    sdk::restore(&dir)?;
    say(report(name, &dir, &files))?;
    Ok(())
}

/// What was written, and what to do next.
fn report(name: &str, dir: &Path, files: &[(String, Vec<u8>)]) -> String {
    let dir = dir.display();
    let listed: Vec<_> = files.iter().map(|(path, _)| format!("  {dir}/{path}")).collect();
    format!(
        "{}\n\nNext:\n  weir plugin test {dir}\n  weir plugin run {dir}\n  \
         weir plugin push {dir} --admin http://localhost:8001 --assign-to route=NAME\n\n{name} is ready.",
        listed.join("\n")
    )
}

/// Whether nothing is in `dir`, or it is not there.
fn is_empty(dir: &Path) -> Result<bool, PluginError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(PluginError::file(dir)(error)),
    }
}

/// Names that are at home in Cargo, Go, npm and Python, and in header names.
fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, dir: PathBuf) -> Result<(), PluginError> {
        run(&NewArgs {
            name: name.into(),
            language: "rust".into(),
            kind: Some("auth".into()),
            dir: Some(dir),
        })
    }

    #[test]
    fn a_project_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("gate");
        new("gate", dir.clone()).unwrap();
        for file in ["Cargo.toml", ".gitignore", "README.md", "src/lib.rs", "tests/example.yaml"] {
            assert!(dir.join(file).exists(), "{file}");
        }
        assert!(fs::read_to_string(dir.join("Cargo.toml")).unwrap().contains("name = \"gate\""));
        let error = new("gate", dir).unwrap_err().to_string();
        assert!(error.contains("exists and is not empty"), "{error}");
    }

    #[test]
    fn names_that_some_tool_would_refuse_are_refused() {
        for name in ["", "Gate", "9gate", "-gate", "my_gate", "../gate", "g ate"] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name("my-gate-2"));
    }
}
