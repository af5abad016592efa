//! The cage of the process itself: what it may reach in the file system, which system calls it may make, and who may
//! read its memory.
//!
//! Put on once, before there is a second thread, since the kernel counts both for the calling thread and for what
//! that thread starts. It cannot be taken off again, and compiler processes inherit it. It does not filter network
//! addresses: where a gateway connects to is its operator's configuration.

mod files;
mod memory;
mod plan;
mod syscalls;
mod user;

use std::io;
use std::path::PathBuf;

pub use memory::allow_core_dumps;
pub use plan::Plan;
pub use user::become_user;

/// Why the process could not be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfinementError {
    /// The settings ask for it, and the kernel cannot.
    #[error("confinement is required, but {0}")]
    Unavailable(String),
    /// The setting `user` names nobody.
    #[error("user: there is no user or group '{0}' on this machine")]
    NoSuchUser(String),
    /// A folder that must be writable cannot be made.
    #[error("{} cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused a step.
    #[error("the process cannot {step}")]
    System {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// How far the file system is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// As planned.
    Confined,
    /// As far as this kernel can.
    Partly,
    /// Not at all.
    Open,
}

/// What is in force from now on.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The file system.
    pub files: Files,
    /// System calls; `Err` says why they are not filtered.
    pub system_calls: Result<(), String>,
    /// Folders in which files may be written.
    pub writable: Vec<PathBuf>,
}

impl InForce {
    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.files == Files::Confined && self.system_calls.is_ok()
    }
}

/// Confines this thread and all that it starts.
///
/// # Errors
///
/// [`ConfinementError::System`] if the kernel has the means and refuses them. A kernel without them is no error.
pub fn enter(plan: &Plan) -> Result<InForce, ConfinementError> {
    let files = files::restrict(&plan.rules()).map_err(refused("close the file system"))?;
    let system_calls = syscalls::restrict(syscalls::Who::Gateway).map_err(|error| error.to_string());
    Ok(InForce { files, system_calls, writable: plan.writable.clone() })
}

/// Confines the compiler: it reads standard input, writes standard output, and needs nothing else of the machine.
///
/// # Errors
///
/// What the kernel refused. A kernel without these means is no error.
pub fn enter_as_compiler() -> io::Result<()> {
    files::restrict(&[])?;
    if syscalls::are_available() { syscalls::restrict(syscalls::Who::Compiler) } else { Ok(()) }
}

fn refused(step: &'static str) -> impl FnOnce(io::Error) -> ConfinementError {
    move |source| ConfinementError::System { step, source }
}
