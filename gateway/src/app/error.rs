//! Why the process could not start.

use std::io;
use std::net::SocketAddr;

use crate::admin::StartFault;
use crate::client::{TlsError, TlsMaterialError};
use crate::store::StoreError;

/// Why the process could not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The declarative configuration stops the start.
    #[error(transparent)]
    Declarative(#[from] StartFault),
    /// The operating system refused something.
    #[error("{what}")]
    System {
        /// What was wanted.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// An address cannot be listened on.
    #[error("{setting}: cannot listen on {address}")]
    Listen {
        /// The setting that names it.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// TLS towards clients cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Certificates(String),
    /// The database cannot be used.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The database is from an older version, and migrations are run by command.
    #[error("the database misses {0} migration(s): run `weir migrations up`, or set migrate to auto")]
    Migrations(usize),
    /// The plugin host cannot start.
    #[error("plugins cannot be run: {0}")]
    Plugins(String),
    /// Names of hosts cannot be looked up.
    #[error("names of hosts cannot be looked up: {0}")]
    Names(String),
    /// TLS for outgoing connections cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// A certificate among the settings is of no use.
    #[error("{setting} cannot be used")]
    Certificate {
        /// The setting that names it.
        setting: &'static str,
        /// What is wrong with it.
        source: TlsMaterialError,
    },
    /// A data-plane thread ended with a panic.
    #[error("a worker thread ended with a panic")]
    Worker,
}

impl AppError {
    /// Names what was wanted when the system refused.
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
