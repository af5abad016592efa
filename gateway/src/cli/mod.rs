//! The command line: one file a command.
//!
//! Commands read settings, say what they do in a sentence and answer with an exit code: 0 for
//! success, 1 for an error, which goes to standard error as `Error: …`.

mod config_file;
mod demo;
mod health;
mod migrations;
mod output;
mod plugin;
mod progress;
mod records;
mod secrets;
mod start;
mod token;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::AppError;
use crate::config::{self, Loaded, RouterFlavor, Settings, SettingsError, Sources};
use crate::confinement::{self, ConfinementError};
use crate::model;
use crate::plugin_host::{self, Fuel};
use crate::store::StoreError;

pub use output::OutputError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The settings are not usable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The gateway could not start, or ended badly.
    #[error(transparent)]
    App(#[from] AppError),
    /// The process could not give up its rights.
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
    /// The database refused, or is away.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The operating system refused something.
    #[error("{what}")]
    System {
        /// What was wanted.
        what: String,
        /// What it said.
        source: std::io::Error,
    },
    /// A plugin could not be built.
    #[error(transparent)]
    Plugin(#[from] plugin::PluginError),
    /// Nothing can be said.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The command did its work, and the answer is no.
    #[error("{0}")]
    No(String),
}

/// An API gateway that takes over from Kong and runs every plugin as a WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "weir", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway in the foreground until SIGTERM, SIGQUIT or SIGINT.
    Start(SettingsFile),
    /// Brings the database to the shape that this version needs.
    #[command(subcommand)]
    Migrations(Migrations),
    /// Works with declarative files.
    #[command(subcommand)]
    Config(config_file::ConfigCommand),
    /// Makes, lists and revokes tokens of the Admin API.
    #[command(subcommand)]
    Token(token::Token),
    /// Looks after the audit log.
    #[command(subcommand)]
    Audit(records::Audit),
    /// Seals the secrets in the database, and says how they are kept.
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Makes plugins.
    Plugin(Box<plugin::PluginArgs>),
    /// Asks the gateway on this machine whether it is ready; exit code 0 if so.
    Health(SettingsFile),
    /// Prints the version.
    Version,
    /// The confined process that turns a component into machine code.
    #[command(name = "__compile", hide = true)]
    Compile {
        /// Processor time after which the system ends it.
        cpu_seconds: u64,
        /// The code counts the instructions that it runs.
        #[arg(long)]
        fuel: bool,
    },
    /// Answers every request with what it was sent, as JSON.
    #[command(hide = true)]
    DemoUpstream(demo::Listen),
}

#[derive(Debug, Subcommand)]
enum Migrations {
    /// Runs what is missing. Safe beside running gateways of the version before.
    Up(SettingsFile),
}

/// Where a command finds its settings, beside the environment.
#[derive(Debug, Args)]
struct SettingsFile {
    /// Settings file: YAML, or Kong's `name = value`.
    #[arg(short = 'c', long = "conf", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl SettingsFile {
    fn load(&self) -> Result<Loaded, CliError> {
        // A name or a value that is not text is none of ours.
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let environment: Vec<_> = std::env::vars_os().filter_map(text).collect();
        let loaded = config::load(Sources { file: self.file.as_deref(), environment: &environment })?;
        // No command looks at a kind before its settings are known.
        model::allow_expressions(loaded.settings.proxy.router_flavor == RouterFlavor::Expressions);
        // Settings have secrets in them, and so has the process from now on.
        confinement::allow_core_dumps(loaded.settings.confinement.core_dumps)?;
        Ok(loaded)
    }
}

/// Runs the command that the arguments of this process ask for. Ends the process by itself for
/// `--help`, `--version` and arguments that make no sense.
///
/// # Errors
///
/// [`CliError`], for `main` to print.
pub fn run() -> Result<ExitCode, CliError> {
    match Arguments::parse().command {
        Command::Start(file) => start::run(&file),
        Command::Migrations(Migrations::Up(file)) => migrations::up(&file),
        Command::Config(command) => config_file::run(command),
        Command::Token(command) => token::run(&command),
        Command::Audit(command) => records::run(&command),
        Command::Secrets(command) => secrets::run(&command),
        Command::Plugin(args) => plugin::run(*args),
        Command::Health(file) => health::run(&file),
        Command::Compile { cpu_seconds, fuel } => {
            let fuel = if fuel { Fuel::Counted } else { Fuel::Uncounted };
            Ok(ExitCode::from(plugin_host::compile_child::main(cpu_seconds, fuel)))
        }
        Command::Version => {
            output::say(env!("CARGO_PKG_VERSION"))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::DemoUpstream(listen) => demo::run(&listen),
    }
}

/// Root becomes the user that is set; anybody else stays who it is.
fn become_user(settings: &Settings) -> Result<(), ConfinementError> {
    let Some(user) = &settings.confinement.user else { return Ok(()) };
    if !confinement::become_user(user, &settings.prefix)? {
        tracing::warn!(user, "the setting user has no effect: the process was not started as root");
    }
    confinement::allow_core_dumps(settings.confinement.core_dumps)
}

/// A runtime for a command that is not the gateway.
fn small_runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::System { what: "the runtime cannot start".to_owned(), source })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
