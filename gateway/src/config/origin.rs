//! Where the value of a setting came from.

use std::fmt;
use std::path::PathBuf;

/// Where the value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the settings file.
    File {
        /// As given on the command line.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
    },
    /// An environment variable.
    Environment(String),
    /// A file that an environment variable points at.
    SecretFile {
        /// The variable, with its `_FILE`.
        variable: String,
        /// What it says.
        path: PathBuf,
    },
    /// A vault.
    Vault(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::SecretFile { variable, path } => {
                write!(f, "file {} named by environment variable {variable}", path.display())
            }
            Self::Vault(reference) => write!(f, "reference {reference}"),
        }
    }
}

/// The text of a setting and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) text: String,
    pub(super) origin: Origin,
}
