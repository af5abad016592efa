//! `weir plugin build`: turns a plugin crate into a component that can be uploaded.
//!
//! Uploading is left to the Admin API: the command says how, and holds no address or credentials.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use weir_plugin_build::{BuildError, Options};

use super::CliError;

/// Arguments of `weir plugin`.
#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Build a Rust plugin crate into a WebAssembly component.
    Build(BuildArgs),
}

#[derive(Debug, Args)]
struct BuildArgs {
    /// The folder of the plugin crate.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where to write the component, besides the target folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Why `weir plugin` failed.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no component.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The component could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Runs `weir plugin`.
///
/// # Errors
///
/// [`CliError::Plugin`], in words for the person who typed the command.
pub(crate) fn run(args: &PluginArgs) -> Result<ExitCode, CliError> {
    match &args.command {
        PluginCommand::Build(args) => build(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn build(args: &BuildArgs) -> Result<(), PluginError> {
    let built = weir_plugin_build::build(&args.dir, &Options::default())?;
    let path = match &args.out {
        Some(out) => {
            fs::copy(&built, out).map_err(file(out))?;
            out.clone()
        }
        None => built,
    };
    let size = fs::metadata(&path).map_err(file(&path))?.len();
    println!("{}", report(&path, size));
    Ok(())
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> PluginError {
    let path = path.to_owned();
    move |source| PluginError::File { path, source }
}

/// The path, the size, and what to do next.
fn report(path: &Path, size: u64) -> String {
    let path = path.display();
    format!(
        "{path} ({size} bytes)\nUpload it with:\n  curl -sS -X POST http://localhost:8001/custom-plugins \
         -H 'Content-Type: application/wasm' --data-binary @{path}"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        plugin: PluginArgs,
    }

    #[test]
    fn build_takes_a_folder_and_a_file() {
        let cli = Cli::try_parse_from(["plugin", "build", "my-plugin", "--out", "my.wasm"]).unwrap();
        let PluginCommand::Build(build) = cli.plugin.command;
        assert_eq!((build.dir, build.out), (PathBuf::from("my-plugin"), Some(PathBuf::from("my.wasm"))));
        let cli = Cli::try_parse_from(["plugin", "build"]).unwrap();
        let PluginCommand::Build(build) = cli.plugin.command;
        assert_eq!(build.dir, PathBuf::from("."), "the current folder");
    }

    #[test]
    fn a_folder_without_a_crate_is_an_error_that_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let args =
            PluginArgs { command: PluginCommand::Build(BuildArgs { dir: dir.path().into(), out: None }) };
        let error = run(&args).unwrap_err().to_string();
        assert!(error.contains("there is no plugin in"), "{error}");
    }

    #[test]
    fn the_report_can_be_pasted_into_a_shell() {
        let report = report(Path::new("target/wasm/header-edit.wasm"), 17);
        assert!(report.starts_with("target/wasm/header-edit.wasm (17 bytes)"), "{report}");
        assert!(report.ends_with("--data-binary @target/wasm/header-edit.wasm"), "{report}");
    }
}
