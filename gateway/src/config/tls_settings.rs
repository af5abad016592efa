//! TLS on both sides, as the operator wants it.

use std::time::Duration;

use secrecy::SecretString;

/// TLS with upstreams, where a service leaves it open.
#[derive(Debug, Clone)]
pub struct UpstreamTls {
    /// Texts in PEM of the authorities that are trusted; none of them stands for those that are built in.
    pub trusted: Vec<String>,
    /// Whether upstreams are checked.
    pub verify: bool,
    /// Certificates between an upstream's own and a root.
    pub depth: u32,
    /// Chain and key that are shown to upstreams that ask.
    pub certificate: Option<(String, SecretString)>,
}

/// TLS towards clients.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// Chains and their keys in PEM, shown where no SNI fits; none of them stands for one that is made.
    pub certificates: Vec<(String, SecretString)>,
    /// The same for the Admin API.
    pub admin_certificates: Vec<(String, SecretString)>,
    /// Authorities in PEM whose word on callers of the Admin API is taken; without them nobody is asked for a
    /// certificate.
    pub admin_client_authorities: Vec<String>,
    /// The ciphers.
    pub cipher_suites: CipherSuites,
    /// The versions, none of them twice.
    pub protocols: Vec<TlsVersion>,
    /// Whether clients may take up a session again.
    pub session_tickets: bool,
    /// For how long.
    pub session_timeout: Duration,
}

/// Kong's sets of ciphers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CipherSuites {
    /// TLS 1.3.
    Modern,
    /// What Mozilla recommends for all but old clients.
    #[default]
    Intermediate,
    /// As many as there are.
    Old,
    /// Those of FIPS 140.
    Fips,
    /// These, by their names in OpenSSL.
    Custom(Vec<String>),
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
