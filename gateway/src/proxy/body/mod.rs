//! Bodies on their way through, watched by the connection's deadline.
//!
//! A body that no plugin asked for is never collected: `request` and `upstream` hand on what comes. What
//! plugins asked for comes first, in a `front`: bytes that were `held` for them, and the calls
//! (`filtered`) that the rest goes through.

mod filtered;
mod front;
mod function;
mod held;
mod request;
mod response;
mod upstream;

use crate::client::ExchangeError;
use crate::plugin_host::CallFailure;

use front::Front;
pub(super) use function::FunctionBody;
pub(super) use held::{Held, Room};
pub(super) use request::{Patience, RequestBody, Upload, poll_client};
pub use response::ResponseBody;
pub(super) use upstream::UpstreamBody;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client broke off or sent nonsense.
    #[error(transparent)]
    Client(#[from] hyper::Error),
    /// The upstream broke off or sent nonsense.
    #[error(transparent)]
    Upstream(#[from] ExchangeError),
    /// The request body is larger than `client_max_body_size`.
    #[error("request body too large")]
    TooLarge,
    /// The upstream sent nothing for too long.
    #[error("the upstream stopped sending")]
    UpstreamTimeout,
    /// A plugin broke it off, or failed.
    #[error("a plugin stopped the body: {0}")]
    Plugin(CallFailure),
}
