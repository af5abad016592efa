//! Who may use the Admin API, and what is written down about them.

use std::time::Duration;

use secrecy::SecretString;

/// Who may use the Admin API.
#[derive(Debug, Clone, Default)]
pub struct AccessSettings {
    /// How callers prove who they are.
    pub proofs: Proofs,
    /// A token with all rights, which needs no database.
    pub token: Option<SecretString>,
    /// The roles of holders of certificates: common name, or `*` for the others, and role.
    pub client_roles: Vec<(String, String)>,
    /// What a listener beyond loopback may do without.
    pub unprotected: Unprotected,
    /// Names of the Admin API beside those of the loopback, in lower case.
    pub hosts: Vec<String>,
    /// Origins of web interfaces: scheme, host and port.
    pub origins: Vec<String>,
    /// What is written down.
    pub audit: AuditSettings,
}

/// How callers may prove who they are; not at all is `admin_auth = off`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proofs {
    /// By a bearer token.
    pub token: bool,
    /// By a certificate of theirs.
    pub certificate: bool,
}

impl Proofs {
    /// Whether anybody is asked.
    pub fn are_asked(self) -> bool {
        self.token || self.certificate
    }
}

/// The roles that there are, from the least to the most powerful.
pub const ROLES: [&str; 4] = ["read-only", "plugin-author", "operator", "admin"];

/// What a listener beyond loopback may do without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unprotected {
    /// Encryption.
    pub tls: bool,
    /// Asking who calls.
    pub auth: bool,
}

/// What is written down of calls to the Admin API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditSettings {
    /// Whether, and what a failure means.
    pub mode: AuditMode,
    /// How long a record is kept; zero is for ever.
    pub record_ttl: Duration,
    /// How many records are kept; zero is all.
    pub max_records: u64,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { mode: AuditMode::default(), record_ttl: Duration::ZERO, max_records: 0 }
    }
}

/// Whether calls are written down, and what becomes of a change that cannot be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuditMode {
    /// It is refused.
    #[default]
    On,
    /// It is made.
    BestEffort,
    /// Nothing is written down.
    Off,
}
