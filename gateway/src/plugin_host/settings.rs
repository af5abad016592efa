//! What the host needs to know before it can start, and whom it asks for what it does not own.

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Trial;
use crate::exchange::{ConsumerFacts, Exchange};
use crate::shared::SharedState;

/// How the host is set up. Sizes are for the whole process.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// Folder for compiled artifacts and the key that authenticates them.
    pub prefix: PathBuf,
    /// Data-plane threads: warm instances are shared out among them.
    pub workers: usize,
    /// The program whose `__compile` command compiles components; `None` takes this executable.
    pub compiler: Option<PathBuf>,
    /// Processor time that one compilation may take, in whole seconds; wall time is twice that.
    pub compile_time: Duration,
    /// Largest component that is accepted, in bytes.
    pub max_component_bytes: usize,
    /// Instances that may be alive at once.
    pub instances: u32,
    /// Largest memory of one instance, in bytes; an assignment's limit cannot pass it.
    pub max_memory_bytes: usize,
    /// Largest body that is held for a plugin, in bytes.
    pub max_body_bytes: usize,
    /// Whether components of `wasi:http` are run that answer in the upstream's place.
    pub functions: bool,
    /// Plugins are tried out; `None` in a gateway that serves.
    pub trial: Option<Trial>,
}

impl HostSettings {
    /// Defaults for a gateway whose files are below `prefix`.
    pub fn new(prefix: PathBuf, workers: usize) -> Self {
        Self {
            prefix,
            workers: workers.max(1),
            compiler: None,
            compile_time: Duration::from_secs(60),
            max_component_bytes: 32 << 20,
            instances: 1000,
            max_memory_bytes: 64 << 20,
            max_body_bytes: 1 << 20,
            functions: false,
            trial: None,
        }
    }
}

/// What the host asks other parts of the gateway for.
#[derive(Clone)]
pub struct HostDeps {
    /// Consumers and credentials.
    pub directory: Arc<dyn Directory>,
    /// Requests to the outside.
    pub outbound: Arc<dyn Outbound>,
    /// What plugins count and keep for all nodes.
    pub shared: SharedState,
    /// Writes the log record of an exchange as JSON.
    pub log_record: fn(&Exchange, &mut String),
}

/// A future that a trait object returns.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A credential and whose it is.
#[derive(Debug, Clone)]
pub struct FoundCredential {
    /// Whose it is.
    pub consumer: Arc<ConsumerFacts>,
    /// Its id.
    pub credential: Arc<str>,
    /// The credential as the Admin API prints it.
    pub data_json: Arc<str>,
}

/// The gateway's consumers and credentials. `Err` says why they cannot be read now.
pub trait Directory: Send + Sync {
    /// What the cache knows; `None` if it has to be looked up.
    fn cached_credential(&self, kind: &str, key: &str) -> Option<Option<FoundCredential>>;
    /// Looks a credential up.
    fn find_credential<'a>(
        &'a self,
        kind: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>>;
    /// Looks a consumer up by id, or else by username.
    fn find_consumer<'a>(
        &'a self,
        id_or_username: &'a str,
    ) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>>;
}

/// One request to the outside, on behalf of a plugin.
pub struct OutboundRequest {
    /// As the plugin wants it, checked.
    pub method: http::Method,
    /// Absolute, without userinfo.
    pub url: String,
    /// Checked; without framing headers.
    pub headers: http::HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// For everything together.
    pub timeout: Duration,
    /// A longer answer is an error.
    pub max_response_bytes: usize,
    /// Whether a resolved address may be connected to.
    pub allow: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// What came back.
#[derive(Debug)]
pub struct OutboundResponse {
    /// As sent.
    pub status: u16,
    /// As sent.
    pub headers: http::HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address is not allowed.
    #[error("the address is not allowed")]
    Denied,
    /// The name has no address.
    #[error("the name cannot be resolved")]
    Dns,
    /// No connection.
    #[error("no connection")]
    Connect,
    /// No secure connection.
    #[error("no secure connection")]
    Tls,
    /// Too slow.
    #[error("no answer in time")]
    Timeout,
    /// The answer is larger than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is not HTTP.
    #[error("the answer is not HTTP")]
    Protocol,
}

/// Sends requests to the outside.
pub trait Outbound: Send + Sync {
    /// Sends one request. Redirects are not followed.
    fn send(&self, request: OutboundRequest) -> Answer<'_, Result<OutboundResponse, OutboundError>>;
}
