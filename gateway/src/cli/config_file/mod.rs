//! `weir config`: declarative files and the database.

mod diff;
mod export;
mod import;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::say;
use super::{CliError, SettingsFile};
use crate::declarative::editor_schema;
use source::Source;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Checks a declarative file; every fault is told with its line.
    Parse(FileArgs),
    /// Writes a declarative file into the database: all of it, or nothing if anything is wrong.
    #[command(alias = "db_import")]
    Import(ComparedArgs),
    /// Writes everything in the database as a declarative file, to standard output unless a file is named.
    #[command(alias = "db_export")]
    Export(ExportArgs),
    /// Says what `import` would do; exit code 2 if that is anything.
    Diff(DiffArgs),
    /// Prints the JSON Schema of declarative files, for editors.
    Schema(SettingsFile),
}

#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// The declarative file, in YAML or JSON; `-` reads standard input.
    #[arg(value_name = "FILE")]
    declared: PathBuf,
    #[command(flatten)]
    settings: SettingsFile,
}

#[derive(Debug, Args)]
pub(super) struct ComparedArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The file says all there is: what is not in it goes.
    #[arg(long)]
    prune: bool,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    #[command(flatten)]
    compared: ComparedArgs,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Where to; it must not be there yet.
    #[arg(value_name = "FILE")]
    exported: Option<PathBuf>,
    /// Replaces the file.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    settings: SettingsFile,
}

pub(super) fn run(command: ConfigCommand) -> Result<ExitCode, CliError> {
    super::small_runtime()?.block_on(async {
        match command {
            ConfigCommand::Parse(args) => parse(&args).await,
            ConfigCommand::Import(args) => import::run(&args).await,
            ConfigCommand::Export(args) => export::run(&args).await,
            ConfigCommand::Diff(args) => diff::run(&args).await,
            ConfigCommand::Schema(settings) => schema(&settings).await,
        }
    })
}

async fn parse(args: &FileArgs) -> Result<ExitCode, CliError> {
    let settings = args.settings.load()?.settings;
    super::become_user(&settings)?;
    let source = Source::open(&args.declared)?;
    source.check(&settings).await?;
    say("parse successful")?;
    Ok(ExitCode::SUCCESS)
}

async fn schema(settings: &SettingsFile) -> Result<ExitCode, CliError> {
    let settings = settings.load()?.settings;
    super::become_user(&settings)?;
    let bundled = crate::app::describe_bundled(&settings).await?;
    let configurations: Vec<_> =
        bundled.into_iter().map(|plugin| (plugin.name, plugin.version.config_schema)).collect();
    say(format_args!("{:#}", editor_schema(&configurations)))?;
    Ok(ExitCode::SUCCESS)
}
