//! `weir plugin build`: turns the folder of a plugin into a component that can be uploaded.
//!
//! Uploading is left to `weir plugin push` and the Admin API: the command says how, and holds no address
//! or credentials.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use weir_plugin_build::Options;

use super::{PluginError, sdk};
use crate::cli::output::say;

#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    #[command(flatten)]
    project: Project,
    /// Where to write the component, besides the target folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The folder that an author works in.
#[derive(Debug, Clone, Args)]
pub(super) struct Project {
    /// The folder of the plugin.
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// Where cargo keeps its work; `target/wasm` of the plugin's workspace if absent.
    #[arg(long, value_name = "DIR")]
    pub(super) target_dir: Option<PathBuf>,
}

impl Project {
    /// Builds the component, and says where it is.
    pub(super) fn build(&self) -> Result<PathBuf, PluginError> {
        if !self.dir.is_dir() {
            return Err(PluginError::NoFolder { dir: self.dir.clone() });
        }
        sdk::restore(&self.dir)?;
        Ok(weir_plugin_build::build(&self.dir, &Options { target_dir: self.target_dir.clone() })?)
    }
}

pub(super) fn run(args: &BuildArgs) -> Result<(), PluginError> {
    let built = args.project.build()?;
    let path = match &args.out {
        Some(out) => {
            fs::copy(&built, out).map_err(PluginError::file(out))?;
            out.clone()
        }
        None => built,
    };
    let size = fs::metadata(&path).map_err(PluginError::file(&path))?.len();
    say(report(&path, size))?;
    Ok(())
}

/// The path, the size, and what to do next.
fn report(path: &Path, size: u64) -> String {
    let path = path.display();
    format!(
        "{path} ({size} bytes)\nUpload it with `weir plugin push {path} --admin http://localhost:8001`, or with:\n  \
         curl -sS -X POST http://localhost:8001/custom-plugins \
         -H 'Content-Type: application/wasm' --data-binary @{path}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_crate_is_an_error_that_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project { dir: dir.path().into(), target_dir: None };
        let error = run(&BuildArgs { project, out: None }).unwrap_err().to_string();
        assert!(error.contains("there is no plugin in"), "{error}");
    }

    #[test]
    fn the_report_can_be_pasted_into_a_shell() {
        let report = report(Path::new("target/wasm/header-edit.wasm"), 17);
        assert!(report.starts_with("target/wasm/header-edit.wasm (17 bytes)"), "{report}");
        assert!(report.ends_with("--data-binary @target/wasm/header-edit.wasm"), "{report}");
    }
}
