//! `weir plugin test`: requests from files through the plugin, in the gateway's own plugin host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use sha2::{Digest, Sha256};

use super::PluginError;
use super::build::Project;
use crate::cli::output::{OutputError, say};
use crate::cli::progress::Step;
use crate::config::{LogFormat, LogLevel};
use crate::rehearsal::{Comparison, Costs, Golden, Performance, Rehearsal, cases, rehearse};
use crate::telemetry::logs;

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    #[command(flatten)]
    project: Project,
    /// Takes this component instead of building one.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Files with requests; `tests/*.yaml`, `.yml` and `.json` of the plugin's folder if absent.
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Takes the answers as the ones that are wanted.
    #[arg(long)]
    update: bool,
}

pub(super) async fn run(args: &TestArgs) -> Result<ExitCode, PluginError> {
    let files = if args.files.is_empty() { cases(&args.project.dir)? } else { args.files.clone() };
    if files.is_empty() {
        let dir = args.project.dir.join("tests");
        return Err(PluginError::Argument(format!(
            "there are no requests: write {}, or name a file with --file",
            dir.join("example.yaml").display()
        )));
    }
    let path = match &args.component {
        Some(path) => path.clone(),
        None => args.project.build()?,
    };
    let component = fs::read(&path).map_err(PluginError::file(&path))?;
    // What a gateway would log of a failing plugin helps its author as well.
    logs::init(LogLevel::Warn, LogFormat::Text);
    let prefix = workshop(&args.project.dir, &component)?;
    let golden = if args.update { Golden::Update } else { Golden::Compare };
    let rehearsal = Rehearsal { component: component.into(), prefix: &prefix, files: &files, golden };
    let step = Step::begin("trying the plugin");
    let (performances, costs) = rehearse(&rehearsal).await?;
    drop(step);
    Ok(report(&performances, &costs)?)
}

/// A folder for the compiled code of `component`, in place of the one of the component before.
fn workshop(dir: &Path, component: &[u8]) -> Result<PathBuf, PluginError> {
    let all = dir.join(".weir").join("test");
    let digest: String = Sha256::digest(component).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let own = all.join(digest);
    if !own.exists() {
        if all.exists() {
            fs::remove_dir_all(&all).map_err(PluginError::file(&all))?;
        }
        fs::create_dir_all(&own).map_err(PluginError::file(&own))?;
    }
    own.canonicalize().map_err(PluginError::file(&own))
}

fn report(performances: &[Performance], costs: &Costs) -> Result<ExitCode, OutputError> {
    let mut different = 0;
    for Performance { file, requests, comparison } in performances {
        let file = file.display();
        match comparison {
            Comparison::Same => _ = say(format_args!("ok       {file}: {requests} requests"))?,
            Comparison::New(golden) => {
                say(format_args!(
                    "new      {file}: {requests} requests; read {} and keep it",
                    golden.display()
                ))?;
            }
            Comparison::Updated(golden) => _ = say(format_args!("updated  {file}: {}", golden.display()))?,
            Comparison::Different { golden, diff } => {
                different += 1;
                say(format_args!("FAILED   {file}: not as {} wants it\n{diff}", golden.display()))?;
            }
        }
    }
    say(format_args!("\n{costs}\nFuel counts WebAssembly instructions, about."))?;
    if different == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "\n{different} of {} files came out otherwise. If that is right, run it again with --update.",
        performances.len()
    ))?;
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_code_of_an_older_component_makes_way() {
        let dir = tempfile::tempdir().unwrap();
        let first = workshop(dir.path(), b"one").unwrap();
        assert_eq!(workshop(dir.path(), b"one").unwrap(), first);
        let second = workshop(dir.path(), b"two").unwrap();
        assert!(second.exists() && !first.exists());
    }
}
