//! Why a plugin could not be rehearsed.

use std::io;
use std::path::PathBuf;

use crate::plugin_host::{AdmissionError, StartError};

/// Why a plugin could not be rehearsed.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// A file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not say what a rehearsal needs; docs/plugins/testing.md has the format.
    #[error("{}: {reason}", path.display())]
    Case {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// The plugin host cannot start.
    #[error("the plugin host cannot start")]
    Host(#[from] StartError),
    /// A gateway would refuse the component.
    #[error("a gateway would refuse this component")]
    Refused(#[from] AdmissionError),
}
