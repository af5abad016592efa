//! The phases of the contract, and sets of them.

use serde::{Deserialize, Serialize};

use crate::plugin_host::bindings::weir::plugin::types;

/// A phase that the gateway calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before a route is chosen; of global assignments alone.
    BeforeRouting,
    /// The head of the request, before the upstream.
    RequestHead,
    /// The collected body of the request, with its head still here.
    RequestBody,
    /// Each chunk of the request's body.
    RequestStream,
    /// The trailers of the request.
    RequestTrailers,
    /// The head of the response.
    ResponseHead,
    /// The collected body of the response, with its head still here.
    ResponseBody,
    /// Each chunk of the response's body.
    ResponseStream,
    /// The trailers of the response.
    ResponseTrailers,
    /// After the exchange.
    Log,
    /// In the upstream's place: not of the contract, but of `wasi:http`.
    Function,
}

impl Phase {
    /// All of them, in the order of their calls.
    pub const ALL: [Self; 11] = [
        Self::BeforeRouting,
        Self::RequestHead,
        Self::RequestBody,
        Self::RequestStream,
        Self::RequestTrailers,
        Self::ResponseHead,
        Self::ResponseBody,
        Self::ResponseStream,
        Self::ResponseTrailers,
        Self::Log,
        Self::Function,
    ];

    /// As a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforeRouting => "before-routing",
            Self::RequestHead => "request-head",
            Self::RequestBody => "request-body",
            Self::RequestStream => "request-stream",
            Self::RequestTrailers => "request-trailers",
            Self::ResponseHead => "response-head",
            Self::ResponseBody => "response-body",
            Self::ResponseStream => "response-stream",
            Self::ResponseTrailers => "response-trailers",
            Self::Log => "log",
            Self::Function => "function",
        }
    }

    /// Its place in [`Phase::ALL`].
    pub(crate) fn place(self) -> usize {
        self as usize
    }
}

impl From<types::Phase> for Phase {
    fn from(said: types::Phase) -> Self {
        match said {
            types::Phase::BeforeRouting => Self::BeforeRouting,
            types::Phase::RequestHead => Self::RequestHead,
            types::Phase::RequestBody => Self::RequestBody,
            types::Phase::RequestStream => Self::RequestStream,
            types::Phase::RequestTrailers => Self::RequestTrailers,
            types::Phase::ResponseHead => Self::ResponseHead,
            types::Phase::ResponseBody => Self::ResponseBody,
            types::Phase::ResponseStream => Self::ResponseStream,
            types::Phase::ResponseTrailers => Self::ResponseTrailers,
            types::Phase::Log => Self::Log,
        }
    }
}

/// A set of phases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Phases(u16);

impl FromIterator<Phase> for Phases {
    fn from_iter<I: IntoIterator<Item = Phase>>(phases: I) -> Self {
        phases.into_iter().fold(Self::default(), |mut all, phase| {
            all.insert(phase);
            all
        })
    }
}

impl Phases {
    pub(crate) fn insert(&mut self, phase: Phase) {
        self.0 |= 1 << phase.place();
    }

    pub(crate) fn has(self, phase: Phase) -> bool {
        self.0 & (1 << phase.place()) != 0
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
