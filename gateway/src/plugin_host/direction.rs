//! Which of the two messages of an exchange something is about.

use super::Phase;

/// Which of the two messages of an exchange something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}

impl Direction {
    pub(crate) fn body(self) -> Phase {
        match self {
            Self::Request => Phase::RequestBody,
            Self::Response => Phase::ResponseBody,
        }
    }

    pub(crate) fn stream(self) -> Phase {
        match self {
            Self::Request => Phase::RequestStream,
            Self::Response => Phase::ResponseStream,
        }
    }

    pub(crate) fn trailers(self) -> Phase {
        match self {
            Self::Request => Phase::RequestTrailers,
            Self::Response => Phase::ResponseTrailers,
        }
    }
}
