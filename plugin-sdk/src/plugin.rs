//! The traits that a plugin implements: one for what it is, one for each phase.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::bindings::imports::weir::plugin::types::Failure;
use crate::bindings::imports::weir::plugin::types::Value;
use crate::bindings::log_phase::exports::weir::plugin::log_phase;
use crate::{
    About, Chunk, ConfigProblem, Header, HeaderOp, Inputs, Phase, RequestBodyVerdict, RequestVerdict,
    ResponseBodyVerdict, ResponseVerdict, RoutingVerdict, Setup,
};

/// A plugin, configured for one assignment.
///
/// The value is made once for each instance and serves one call at a time. Whatever a request
/// needs again and again (parsed patterns, formatted headers) is worth preparing here.
pub trait Plugin: Sized + 'static {
    /// The configuration. Its JSON Schema is what the Admin API checks and fills defaults from.
    type Config: DeserializeOwned + JsonSchema;

    /// Name, version, priority and capabilities. Called once, when the plugin is uploaded.
    fn about() -> About;

    /// Makes the plugin from a configuration that passed the schema and has its defaults.
    ///
    /// # Errors
    ///
    /// What the schema cannot say, with a pointer to the field. The Admin API shows it.
    fn configure(config: Self::Config) -> Result<(Self, Setup), Vec<ConfigProblem>>;
}

/// Turns configurations of earlier versions into ones of this version.
///
/// Asked only for a configuration that the schema of this version refuses: when the version becomes
/// active, or is tried out. The result has to pass the schema.
pub trait ConfigMigration: Plugin {
    /// The configuration as `from_version` had it, in the form of this version.
    ///
    /// # Errors
    ///
    /// Why there is none, in a sentence. The Admin API shows it, and the version stays out.
    fn migrate(from_version: &str, config: serde_json::Value) -> Result<serde_json::Value, String>;
}

/// Verdicts that the gateway may use again instead of a call.
///
/// For a plugin in whose verdicts nothing plays a part that its value remembers of earlier calls. The gateway keeps
/// a verdict whose call asked it for nothing but [`crate::credentials::find`], [`crate::credentials::data`],
/// [`crate::exchange::groups`] and the digests of [`crate::crypto`], and gives it to later exchanges with the same
/// inputs, for as long as these would answer the same.
pub trait Repeatable: Plugin {
    /// The phases for which this is so. Today the gateway keeps verdicts of [`Phase::RequestHead`].
    const PHASES: &'static [Phase];
}

/// Called when the head of a request has arrived.
pub trait RequestHead: Plugin {
    /// Lets the request go on, changed or not, or answers it.
    ///
    /// # Errors
    ///
    /// [`Failure`] if no decision could be made; the assignment's failure policy applies.
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure>;
}

/// Called when there is a head to answer with, from the upstream or from the gateway.
pub trait ResponseHead: Plugin {
    /// Lets the response go on, changed or not, or replaces it. `carry` is what this plugin's
    /// request phase left.
    ///
    /// # Errors
    ///
    /// [`Failure`] if no decision could be made; the assignment's failure policy applies.
    fn on_response_head(&mut self, inputs: &Inputs, carry: Option<&[u8]>)
    -> Result<ResponseVerdict, Failure>;
}

/// Called before a route is chosen, if the assignment is global.
pub trait BeforeRouting: Plugin {
    /// Lets the request go on to be routed, changed or not, or answers it.
    ///
    /// # Errors
    ///
    /// [`Failure`] if no decision could be made; the assignment's failure policy applies.
    fn on_before_routing(&mut self, inputs: &Inputs) -> Result<RoutingVerdict, Failure>;
}

/// Called with the body of a request whose head phase answered [`buffer`](crate::Proceed::buffer). The
/// body is read by [`crate::body`].
pub trait RequestBody: RequestHead {
    /// Lets head and body go on, changed or not, or answers the request.
    ///
    /// # Errors
    ///
    /// [`Failure`] if no decision could be made; the assignment's failure policy applies.
    fn on_request_body(&mut self, carry: Option<&[u8]>) -> Result<RequestBodyVerdict, Failure>;
}

/// Called with the body of a response whose head phase answered [`buffer`](crate::Deliver::buffer).
pub trait ResponseBody: ResponseHead {
    /// Lets head and body go on, changed or not, or replaces the response.
    ///
    /// # Errors
    ///
    /// [`Failure`] if no decision could be made; the assignment's failure policy applies.
    fn on_response_body(&mut self, carry: Option<&[u8]>) -> Result<ResponseBodyVerdict, Failure>;
}

/// Called with each chunk of a request whose head phase answered [`stream`](crate::Proceed::stream).
/// One value serves the head and all chunks of a body, and no other exchange in between.
pub trait RequestStream: RequestHead {
    /// Says what becomes of a chunk of 64 KiB at most. The last one may be empty.
    fn on_request_chunk(&mut self, chunk: Vec<u8>, last: bool) -> Chunk;
}

/// Called with each chunk of a response whose head phase answered [`stream`](crate::Deliver::stream).
pub trait ResponseStream: ResponseHead {
    /// Says what becomes of a chunk of 64 KiB at most. The last one may be empty.
    fn on_response_chunk(&mut self, chunk: Vec<u8>, last: bool) -> Chunk;
}

/// Called with the trailers of a request that has any.
pub trait RequestTrailers: Plugin {
    /// Edits them.
    fn on_request_trailers(&mut self, trailers: &[Header]) -> Vec<HeaderOp>;
}

/// Called with the trailers of a response that has any.
pub trait ResponseTrailers: Plugin {
    /// Edits them.
    fn on_response_trailers(&mut self, trailers: &[Header]) -> Vec<HeaderOp>;
}

/// Called after exchanges have ended, with several at once. Never delays a client.
pub trait Log: Plugin {
    /// Takes the entries, oldest first.
    ///
    /// # Errors
    ///
    /// [`Failure`]; if it is retryable the host gives the same entries again later.
    fn on_log(&mut self, entries: &[LogEntry]) -> Result<(), Failure>;
}

/// One exchange, as the log phase sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    inputs: Inputs,
    carry: Option<Vec<u8>>,
}

impl LogEntry {
    /// What the setup asked for.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// What this plugin's earlier phases left.
    pub fn carry(&self) -> Option<&[u8]> {
        self.carry.as_deref()
    }

    pub(crate) fn new(values: Vec<Value>, carry: Option<Vec<u8>>) -> Self {
        Self { inputs: Inputs::new(values), carry }
    }
}

impl From<log_phase::Entry> for LogEntry {
    fn from(entry: log_phase::Entry) -> Self {
        Self::new(entry.inputs, entry.carry)
    }
}
