//! The programs that make a component out of JavaScript, from npm at pinned versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::BuildError;
use crate::interpreted::{fetch_once, run, version_of, write_file};

/// QuickJS and what puts a module into it; what makes one module of many; what checks types.
const PACKAGES: &str = r#"{
  "private": true,
  "dependencies": { "componentize-qjs": "0.4.5", "esbuild": "0.28.2", "typescript": "7.0.2" }
}
"#;

/// Named by what is in it, so that another version of this program does not meet it.
const FOLDER: &str = "javascript-qjs0.4.5-esbuild0.28.2-typescript7.0.2";

/// Where the tools are.
pub(super) struct Tools {
    modules: PathBuf,
}

impl Tools {
    /// Finds the tools, or fetches them.
    pub(super) fn find() -> Result<Self, BuildError> {
        if version_of("node").is_none_or(|version| version < (20, 0)) {
            let advice = "install Node.js 20 or newer, with npm (https://nodejs.org), and put it on the path";
            return Err(BuildError::NoLanguage { program: "node", advice });
        }
        let folder = fetch_once(FOLDER, fetch)?;
        Ok(Self { modules: folder.join("node_modules") })
    }

    /// A script of a package.
    pub(super) fn node_script(&self, path: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(self.modules.join(path));
        command
    }

    pub(super) fn componentize(&self) -> Command {
        self.node_script("componentize-qjs/bin/componentize-qjs")
    }

    pub(super) fn esbuild(&self) -> Command {
        self.node_script("esbuild/bin/esbuild")
    }
}

fn fetch(folder: &Path) -> Result<(), BuildError> {
    write_file(&folder.join("package.json"), PACKAGES)?;
    let mut command = Command::new("npm");
    // Scripts of packages are not needed, so they do not run.
    command.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
    let fetched = run(command.current_dir(folder), "npm install");
    let what = "componentize-qjs, esbuild and typescript".to_owned();
    fetched.map(drop).map_err(|source| BuildError::Fetch { what, source: Box::new(source) })
}
