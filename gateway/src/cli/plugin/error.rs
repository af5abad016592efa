//! Why a command for plugin authors failed, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use weir_plugin_build::BuildError;

use super::admin_api::AdminError;
use crate::cli::OutputError;
use crate::plugin_host::SignError;
use crate::rehearsal::RehearsalError;

/// Why `weir plugin` failed.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no component.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no signature.
    #[error("{}", path.display())]
    Sign {
        /// The key.
        path: PathBuf,
        /// Why.
        source: SignError,
    },
    /// The folder of the plugin is not there.
    #[error("there is no folder {}; `weir plugin new` makes one", dir.display())]
    NoFolder {
        /// The folder.
        dir: PathBuf,
    },
    /// A project would overwrite what is there.
    #[error("{} exists and is not empty; choose another name, or another folder with --dir", dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
    },
    /// Not a name for a plugin.
    #[error("`{0}` is not a name for a plugin: 1 to 64 of a-z, 0-9 and `-`, beginning with a letter")]
    Name(String),
    /// There is no template for this.
    #[error("there is no template for {wanted}; there are: {known}")]
    Template {
        /// Language and kind that were asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// The gateway refused, or could not be reached.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The plugin could not be tried.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    /// Nothing can be said.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// An argument makes no sense.
    #[error("{0}")]
    Argument(String),
    /// Something else of the system.
    #[error("{what}")]
    System {
        /// What was wanted.
        what: String,
        /// What it said.
        source: io::Error,
    },
}

impl PluginError {
    /// The error of an operation on `path`.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// The error of an operation that is told by `what`.
    pub(super) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}
