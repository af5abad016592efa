//! What `configure` answers: the phases that this configuration needs.

use crate::bindings::base::exports::weir::plugin::lifecycle;
use crate::{InputList, Phase};

pub use crate::bindings::base::exports::weir::plugin::lifecycle::{ConfigProblem, LogBatch};

/// The phases that this configuration needs, and what each is handed. A phase that is not listed is
/// not called, even if the plugin exports it.
///
/// ```
/// use weir_plugin_sdk::{Input, InputList, Setup};
///
/// let mut inputs = InputList::new();
/// let path = inputs.want(Input::Path);
/// let setup = Setup::new().request_head(inputs);
/// ```
#[derive(Debug, Clone)]
pub struct Setup(lifecycle::Setup);

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// No phases yet.
    pub fn new() -> Self {
        Self(lifecycle::Setup { phases: Vec::new(), log_batch: None })
    }

    /// Call [`RequestHead`](crate::RequestHead) with these inputs.
    #[must_use]
    pub fn request_head(self, inputs: InputList) -> Self {
        self.phase(Phase::RequestHead, inputs)
    }

    /// Call [`ResponseHead`](crate::ResponseHead) with these inputs.
    #[must_use]
    pub fn response_head(self, inputs: InputList) -> Self {
        self.phase(Phase::ResponseHead, inputs)
    }

    /// Call [`BeforeRouting`](crate::BeforeRouting) with these inputs. Only global assignments are asked.
    #[must_use]
    pub fn before_routing(self, inputs: InputList) -> Self {
        self.phase(Phase::BeforeRouting, inputs)
    }

    /// Call [`RequestBody`](crate::RequestBody).
    #[must_use]
    pub fn request_body(self) -> Self {
        self.phase(Phase::RequestBody, InputList::new())
    }

    /// Call [`RequestStream`](crate::RequestStream).
    #[must_use]
    pub fn request_stream(self) -> Self {
        self.phase(Phase::RequestStream, InputList::new())
    }

    /// Call [`RequestTrailers`](crate::RequestTrailers).
    #[must_use]
    pub fn request_trailers(self) -> Self {
        self.phase(Phase::RequestTrailers, InputList::new())
    }

    /// Call [`ResponseBody`](crate::ResponseBody).
    #[must_use]
    pub fn response_body(self) -> Self {
        self.phase(Phase::ResponseBody, InputList::new())
    }

    /// Call [`ResponseStream`](crate::ResponseStream).
    #[must_use]
    pub fn response_stream(self) -> Self {
        self.phase(Phase::ResponseStream, InputList::new())
    }

    /// Call [`ResponseTrailers`](crate::ResponseTrailers).
    #[must_use]
    pub fn response_trailers(self) -> Self {
        self.phase(Phase::ResponseTrailers, InputList::new())
    }

    /// Call [`Log`](crate::Log) with these inputs for each exchange.
    #[must_use]
    pub fn log(self, inputs: InputList) -> Self {
        self.phase(Phase::Log, inputs)
    }

    /// How the host gathers log entries and repeats a batch that failed.
    #[must_use]
    pub fn log_batch(mut self, batch: LogBatch) -> Self {
        self.0.log_batch = Some(batch);
        self
    }

    fn phase(mut self, phase: lifecycle::Phase, inputs: InputList) -> Self {
        self.0.phases.push(lifecycle::PhaseSetup { phase, inputs: inputs.into_inner() });
        self
    }

    pub(crate) fn into_inner(self) -> lifecycle::Setup {
        self.0
    }
}

impl ConfigProblem {
    /// What is wrong with the field at `pointer` (RFC 6901, for instance `/remove/body`).
    pub fn new(pointer: &str, message: &str) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}
