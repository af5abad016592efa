//! Fetches components from OCI registries, by digest and in the layout that `wkg` writes.
//!
//! Only registries that the operator lists are asked. Every answer is bounded in size and time, and
//! nothing of it is believed before its digest fits: the registry is a cupboard, not an authority.
//! Deliberately not here: tags, pushing, and other layouts.

mod challenge;
mod manifest;
mod pull;
mod reference;

use std::collections::BTreeMap;

use bytes::Bytes;
use secrecy::SecretString;

pub use pull::Puller;

use crate::client::FetchError;

/// A registry that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Host, and port if it is not the usual one.
    pub host: String,
    /// Whether it is asked without TLS.
    pub plain: bool,
}

/// What a puller may do.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// Registries that may be asked.
    pub allowed: Vec<Registry>,
    /// Host -> `user:password` in base64, for those that want one.
    pub credentials: BTreeMap<String, SecretString>,
    /// Largest component, in bytes.
    pub max_bytes: usize,
}

/// A component that was fetched, and nothing else.
pub type Pulled = Bytes;

/// Why a component was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// Not a reference by digest.
    #[error("{0:?} is not a reference such as ghcr.io/team/plugin@sha256:…")]
    Reference(String),
    /// The operator did not list this registry.
    #[error("the registry {0} is not one of plugin_registries")]
    NotAllowed(String),
    /// No answer, or not one in HTTP.
    #[error("{host} cannot be asked: {source}")]
    Fetch {
        /// Whom.
        host: String,
        /// Why.
        source: FetchError,
    },
    /// It answers, but not with what was asked for.
    #[error("{host} answers {status} to {what}")]
    Status {
        /// Who.
        host: String,
        /// What was asked for.
        what: &'static str,
        /// The status.
        status: u16,
    },
    /// It wants a kind of authentication that is not known, or a URL that is not one.
    #[error("{host} cannot be authenticated with: {reason}")]
    Login {
        /// Who.
        host: String,
        /// Why not.
        reason: String,
    },
    /// The manifest is not that of a component.
    #[error("the manifest cannot be used: {0}")]
    Manifest(String),
    /// The bytes are not those of the digest.
    #[error("the digest of the {0} does not fit its bytes")]
    Digest(&'static str),
    /// Too large.
    #[error("the component has {bytes} bytes; at most {limit} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest.
        limit: usize,
    },
}

impl PullError {
    /// Whether the same may work later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Fetch { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::Reference(_)
            | Self::NotAllowed(_)
            | Self::Login { .. }
            | Self::Manifest(_)
            | Self::Digest(_)
            | Self::TooLarge { .. } => false,
        }
    }
}
