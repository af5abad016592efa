//! `weir start`: the gateway in the foreground.

use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{CliError, SettingsFile};
use crate::app;
use crate::config::{Confine, Loaded, Settings};
use crate::confinement::{self, ConfinementError, InForce, Plan};
use crate::telemetry::logs;

pub(super) fn run(file: &SettingsFile) -> Result<ExitCode, CliError> {
    let Loaded { settings, notices } = file.load()?;
    logs::init(settings.log_level, settings.log_format);
    for notice in notices {
        tracing::warn!("{notice}");
    }
    keep_to_small_pages();
    raise_open_files(&settings);
    confine(&settings)?;
    app::run(settings)?;
    Ok(ExitCode::SUCCESS)
}

/// Keeps the system from backing memory with pages of 2 MiB, which some do unasked. They make the process nearly
/// twice as large, in steps that nothing of ours explains, and no request faster. A system that knows no such pages
/// refuses, which is as good.
fn keep_to_small_pages() {
    _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Takes all the open files that the system allows: a connection needs two, and a limit that is met in the
/// middle of a day keeps the Admin API out as well.
fn raise_open_files(settings: &Settings) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let wanted = settings.proxy.max_connections.saturating_mul(2) as u64;
    if raised.is_err() || maximum.is_some_and(|most| most < wanted) {
        tracing::warn!(limit = ?maximum, wanted, "the limit of open files is low for max_connections");
    }
}

/// Gives up what the gateway does not need. Nothing has started a thread yet.
fn confine(settings: &Settings) -> Result<(), ConfinementError> {
    super::become_user(settings)?;
    if rustix::process::geteuid().is_root() {
        tracing::warn!(
            "the gateway runs as root, and needs no such rights: set user, or start it as another"
        );
    }
    let mode = settings.confinement.mode;
    if mode == Confine::Off {
        tracing::warn!("confinement is off: the process may do whatever its user may");
        return Ok(());
    }
    let in_force = confinement::enter(&Plan::new(settings)?)?;
    let InForce { files, system_calls, writable } = &in_force;
    let system_calls = system_calls.as_ref().err().map_or("filtered", String::as_str);
    if in_force.is_whole() {
        tracing::info!(?files, system_calls, ?writable, "confined");
        return Ok(());
    }
    if mode == Confine::Required {
        let what = format!("this kernel leaves files {files:?} and system calls {system_calls}");
        return Err(ConfinementError::Unavailable(what));
    }
    tracing::warn!(?files, system_calls, ?writable, "confined in part: the kernel can do no more");
    Ok(())
}
