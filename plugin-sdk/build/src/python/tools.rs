//! The programs that make a component out of Python, from PyPI at pinned versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::BuildError;
use crate::interpreted::{fetch_once, run, version_of};

/// CPython for WebAssembly and what puts modules into it.
const REQUIREMENT: &str = "componentize-py==0.25.1";

/// Named by what is in it, so that another version of this program does not meet it.
const FOLDER: &str = "python-componentize0.25.1";

const PYTHON: &str = "python3";

/// Prints the manifest in JSON, in the shape that package.json has: TOML is read by Python itself.
const READ_MANIFEST: &str = r#"
import json, sys, tomllib
with open(sys.argv[1], "rb") as file:
    manifest = tomllib.load(file)
project = manifest.get("project", {})
read = {key: project[key] for key in ("name", "version", "description") if key in project}
if "weir" in manifest.get("tool", {}):
    read["weir"] = manifest["tool"]["weir"]
json.dump(read, sys.stdout)
"#;

/// Where the tools are.
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Finds the tools, or fetches them.
    pub(super) fn find() -> Result<Self, BuildError> {
        if version_of(PYTHON).is_none_or(|version| version < (3, 11)) {
            let advice = "install Python 3.11 or newer (https://python.org) and put it on the path";
            return Err(BuildError::NoLanguage { program: PYTHON, advice });
        }
        Ok(Self { folder: fetch_once(FOLDER, fetch)? })
    }

    /// The manifest at `path` as JSON.
    pub(super) fn manifest(&self, path: &Path) -> Result<String, BuildError> {
        run(Command::new(PYTHON).args(["-c", READ_MANIFEST]).arg(path), "reading pyproject.toml")
    }

    pub(super) fn componentize(&self) -> Command {
        let mut command = Command::new(PYTHON);
        // Not the script that pip made: its first line has the path of a folder that was renamed since.
        command.args(["-c", "import sys, componentize_py; sys.exit(componentize_py.script())"]);
        command.env("PYTHONPATH", &self.folder).env_remove("VIRTUAL_ENV");
        command
    }
}

fn fetch(folder: &Path) -> Result<(), BuildError> {
    let mut command = Command::new(PYTHON);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]);
    let fetched = run(command.args(["--target"]).arg(folder).arg(REQUIREMENT), "pip install");
    let what = "componentize-py".to_owned();
    fetched.map(drop).map_err(|source| BuildError::Fetch { what, source: Box::new(source) })
}
