//! `weir plugin`: everything that an author of plugins needs, from the first file to a running gateway.
//!
//! One file a command. Deliberately not here: how a component is made (`weir-plugin-build`), and how a
//! plugin is run (`plugin_host`, and `rehearsal` for requests from files).

mod admin_api;
mod build;
mod error;
mod inspect;
mod logs;
mod new;
mod push;
mod run;
mod sdk;
mod sign;
mod templates;
mod test;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::CliError;

#[expect(unreachable_pub, reason = "it is part of `CliError`")]
pub use error::PluginError;

/// What the build script lists.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// Arguments of `weir plugin`.
#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Write the project of a new plugin.
    New(new::NewArgs),
    /// Build the folder of a plugin into a WebAssembly component.
    Build(build::BuildArgs),
    /// Send requests from files through the plugin, in the gateway's own plugin host.
    Test(test::TestArgs),
    /// Run a gateway with the plugin on a route; build and load it again whenever a file is saved.
    Run(run::RunArgs),
    /// Build the plugin, upload it to a running gateway, and assign it.
    Push(push::PushArgs),
    /// Sign a component with an Ed25519 key: a signature of 64 bytes beside it.
    Sign(sign::SignArgs),
    /// Print what a plugin logs on a running gateway.
    Logs(logs::LogsArgs),
    /// List the uploaded plugins of a running gateway.
    List(inspect::ListArgs),
    /// Print an uploaded plugin with its versions.
    Show(inspect::ShowArgs),
    /// Make a version of an uploaded plugin the active one.
    Activate(inspect::ActivateArgs),
    /// Delete an uploaded plugin, or one version of it.
    Delete(inspect::DeleteArgs),
}

/// Runs `weir plugin`.
///
/// # Errors
///
/// [`CliError::Plugin`], in words for the person who typed the command.
pub(crate) fn run(args: PluginArgs) -> Result<ExitCode, CliError> {
    let runtime = super::small_runtime()?;
    match args.command {
        PluginCommand::New(args) => new::run(&args)?,
        PluginCommand::Build(args) => build::run(&args)?,
        PluginCommand::Test(args) => return Ok(runtime.block_on(test::run(&args))?),
        PluginCommand::Run(args) => runtime.block_on(run::run(args))?,
        PluginCommand::Push(args) => runtime.block_on(push::run(&args))?,
        PluginCommand::Sign(args) => sign::run(&args)?,
        PluginCommand::Logs(args) => runtime.block_on(logs::run(&args))?,
        PluginCommand::List(args) => runtime.block_on(inspect::list(&args))?,
        PluginCommand::Show(args) => runtime.block_on(inspect::show(&args))?,
        PluginCommand::Activate(args) => runtime.block_on(inspect::activate(&args))?,
        PluginCommand::Delete(args) => runtime.block_on(inspect::delete(&args))?,
    }
    Ok(ExitCode::SUCCESS)
}
