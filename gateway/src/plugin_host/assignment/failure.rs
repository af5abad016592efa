//! How a call of a plugin can go wrong, and the answer that the client gets for it.

use http::StatusCode;

use crate::exchange::LocalAnswer;

/// Kong's words for an error that is none of the client's business.
const UNEXPECTED: &str = "An unexpected error occurred";

/// Why a call gave no usable answer. All but `Failed` and `BadAnswer`, which end a call in order,
/// cost the instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The plugin says that it could not decide.
    #[error("the plugin failed: {message}")]
    Failed {
        /// In the plugin's words.
        message: String,
        /// Whether the same may work later.
        retryable: bool,
    },
    /// The guest trapped.
    #[error("the plugin trapped: {0}")]
    Trap(String),
    /// The guest ran longer than its limit.
    #[error("the plugin ran longer than its guest time")]
    GuestTime,
    /// The call, with what it waited for, took longer than its limit.
    #[error("the plugin took longer than its wall time")]
    WallTime,
    /// The guest wanted more memory than its limit, and trapped.
    #[error("the plugin ran out of memory: {0}")]
    Memory(String),
    /// The answer breaks a rule.
    #[error("the plugin's answer is not allowed: {0}")]
    BadAnswer(String),
    /// There is no room for another instance.
    #[error("there is no room for another instance of the plugin")]
    Capacity,
    /// The instance could not be made or configured.
    #[error("the plugin cannot start: {0}")]
    Start(String),
    /// A host function panicked.
    #[error("the gateway failed inside a plugin's call")]
    Panic,
    /// The plugin broke a body off, and says why.
    #[error("the plugin broke the body off: {0}")]
    Aborted(String),
    /// The body is larger than the plugin, or the gateway, wants to hold.
    #[error("the body is larger than what may be held for the plugin")]
    BodyTooLarge,
    /// The client left during the call.
    #[error("the client left during the call")]
    Cancelled,
    /// The assignment never came to life.
    #[error("the assignment is broken: {0}")]
    Broken(String),
}

impl CallFailure {
    /// Short machine-readable form, for logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "plugin-failed",
            Self::Trap(_) => "plugin-trap",
            Self::GuestTime => "plugin-guest-time",
            Self::WallTime => "plugin-wall-time",
            Self::Memory(_) => "plugin-memory",
            Self::BadAnswer(_) => "plugin-bad-answer",
            Self::Capacity => "plugin-capacity",
            Self::Start(_) => "plugin-start",
            Self::Panic => "plugin-panic",
            Self::Aborted(_) => "plugin-aborted",
            Self::BodyTooLarge => "plugin-body-too-large",
            Self::Cancelled => "plugin-cancelled",
            Self::Broken(_) => "plugin-broken",
        }
    }

    /// The status and the words for the client when the failure policy is `closed`.
    pub(crate) fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Capacity => (StatusCode::SERVICE_UNAVAILABLE, UNEXPECTED),
            Self::Aborted(_) => (StatusCode::BAD_REQUEST, "Bad request"),
            Self::BodyTooLarge => {
                (StatusCode::BAD_GATEWAY, "An invalid response was received from the upstream server")
            }
            Self::Failed { .. }
            | Self::Trap(_)
            | Self::GuestTime
            | Self::WallTime
            | Self::Memory(_)
            | Self::BadAnswer(_)
            | Self::Start(_)
            | Self::Panic
            | Self::Cancelled
            | Self::Broken(_) => (StatusCode::INTERNAL_SERVER_ERROR, UNEXPECTED),
        }
    }

    /// What the client gets when the failure policy is `closed`.
    pub(crate) fn answer(&self) -> LocalAnswer {
        let (status, words) = self.status();
        let mut answer = LocalAnswer::message(status, words);
        answer.reason = self.reason().to_owned();
        answer
    }
}
