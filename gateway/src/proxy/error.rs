//! Why a request could not be proxied: the status, who is to blame, and whether it may be repeated.

use http::StatusCode;

use super::strict::Malformed;
use crate::balancer::PickError;
use crate::client::ClientError;
use crate::dns::DnsFailure;
use crate::plugin_host::CallFailure;

/// Why a request could not be proxied.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The message is not valid HTTP or contradicts itself.
    #[error("{0}")]
    BadRequest(&'static str),
    /// A header line is longer than allowed.
    #[error("header line too long")]
    HeaderTooLarge,
    /// The body is longer than allowed.
    #[error("request body too large")]
    BodyTooLarge,
    /// The body is longer than what a plugin, or the gateway, wants to hold.
    #[error("request body too large for the plugin that wants it")]
    TooLargeToHold,
    /// A plugin broke the request's body off, or failed.
    #[error("a plugin stopped the request: {0}")]
    Plugin(CallFailure),
    /// The target is longer than allowed.
    #[error("URI too long")]
    UriTooLong,
    /// The process has more to do than it can.
    #[error("overloaded")]
    Overloaded,
    /// No route matches.
    #[error("no route matches the request")]
    NoRoute,
    /// The route has no service, and no plugin answered.
    #[error("the route has no service")]
    NoService,
    /// The upstream's name leads nowhere.
    #[error("the upstream's name leads nowhere: {0}")]
    Name(DnsFailure),
    /// No target of the upstream can take the request.
    #[error("no target: {0}")]
    NoPeer(PickError),
    /// The upstream cannot be reached, or broke off before it answered.
    #[error("the upstream gave no valid answer")]
    Upstream(#[source] ClientError),
    /// The upstream took too long to connect or to answer.
    #[error("the upstream takes too long")]
    UpstreamTimeout,
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The caller's.
    Client,
    /// The operator's: the configuration does not cover the request.
    Configuration,
    /// The upstream's.
    Upstream,
}

/// Which of Kong's two kinds of error page applies; they differ in the default format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// `kong.response.error`: JSON unless the client prefers another form.
    Kong,
    /// An error page of the server itself: plain text unless the client says otherwise.
    Server,
}

impl ProxyError {
    /// The status for the client.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge | Self::TooLargeToHold => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Plugin(failure) => failure.status().0,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoService | Self::NoPeer(_) | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Name(failure) if failure.is_final() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Name(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What the client may see: Kong's words.
    pub(super) fn message(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "Bad request",
            Self::HeaderTooLarge => "Request header or cookie too large",
            Self::BodyTooLarge => "Payload too large",
            Self::TooLargeToHold => "Request size limit exceeded",
            Self::Plugin(failure) => failure.status().1,
            Self::UriTooLong => "URI too long",
            Self::Overloaded => "Too many requests for now",
            Self::NoRoute => "no Route matched with those values",
            Self::NoService => "no Service found with those values",
            Self::NoPeer(_) => "failure to get a peer from the ring-balancer",
            Self::Name(failure) if failure.is_final() => "name resolution failed",
            Self::Name(failure) => failure.text(),
            Self::Upstream(_) => "An invalid response was received from the upstream server",
            Self::UpstreamTimeout => "The upstream server is timing out",
        }
    }

    /// Which kind of error page Kong would use.
    pub(super) fn page(&self) -> Page {
        match self {
            Self::NoRoute
            | Self::NoService
            | Self::Name(_)
            | Self::NoPeer(_)
            | Self::TooLargeToHold
            | Self::Plugin(_) => Page::Kong,
            Self::BadRequest(_) | Self::HeaderTooLarge | Self::BodyTooLarge | Self::UriTooLong => {
                Page::Server
            }
            Self::Overloaded | Self::Upstream(_) | Self::UpstreamTimeout => Page::Server,
        }
    }

    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::BadRequest(_)
            | Self::HeaderTooLarge
            | Self::BodyTooLarge
            | Self::TooLargeToHold
            | Self::UriTooLong => Blame::Client,
            Self::NoRoute | Self::NoService | Self::Plugin(_) | Self::Overloaded => Blame::Configuration,
            Self::Name(_) | Self::NoPeer(_) | Self::Upstream(_) | Self::UpstreamTimeout => Blame::Upstream,
        }
    }

    /// Whether the client's connection must end with the answer, since what follows cannot be trusted.
    pub(super) fn closes(&self) -> bool {
        match self {
            Self::BadRequest(_)
            | Self::HeaderTooLarge
            | Self::BodyTooLarge
            | Self::TooLargeToHold
            | Self::Plugin(_)
            | Self::Overloaded
            | Self::UriTooLong => true,
            Self::NoRoute | Self::NoService => false,
            Self::Name(_) | Self::NoPeer(_) | Self::Upstream(_) | Self::UpstreamTimeout => false,
        }
    }
}

impl From<Malformed> for ProxyError {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Ambiguous(what) => Self::BadRequest(what),
            Malformed::LineTooLong => Self::HeaderTooLarge,
        }
    }
}

impl From<ClientError> for ProxyError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::ConnectTimeout { .. } => Self::UpstreamTimeout,
            ClientError::Resolve { .. }
            | ClientError::Connect { .. }
            | ClientError::Tls { .. }
            | ClientError::Response(_) => Self::Upstream(error),
        }
    }
}
