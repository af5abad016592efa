//! Why a name leads nowhere.

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;

/// Why a name leads nowhere. The texts are those of Kong's client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub enum DnsFailure {
    /// There is no such name.
    NotFound,
    /// There is, and it has no address.
    Empty,
    /// The server could not say.
    ServerFailure,
    /// The server did not want to say.
    Refused,
    /// The server did not understand the question, or we not its answer.
    Format,
    /// No server answered in time, or none could be reached.
    Unreachable,
}

impl DnsFailure {
    /// Whether it is an answer: then nothing that was known before counts any more.
    pub fn is_final(self) -> bool {
        match self {
            Self::NotFound | Self::Empty => true,
            Self::ServerFailure | Self::Refused | Self::Format | Self::Unreachable => false,
        }
    }

    /// Its text, for the client.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotFound => "dns server error: 3 name error",
            Self::Empty => "dns client error: 101 empty record received",
            Self::ServerFailure => "dns server error: 2 server failure",
            Self::Refused => "dns server error: 5 refused",
            Self::Format => "dns server error: 1 format error",
            Self::Unreachable => "failed to receive reply from the dns server: timeout",
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is open: all else kept us from an answer")]
    pub(super) fn of(error: &NetError) -> Self {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(no)) if no.response_code == ResponseCode::NXDomain => {
                Self::NotFound
            }
            NetError::Dns(DnsError::NoRecordsFound(_)) => Self::Empty,
            NetError::Dns(DnsError::ResponseCode(ResponseCode::NXDomain)) => Self::NotFound,
            NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) => Self::Refused,
            NetError::Dns(DnsError::ResponseCode(ResponseCode::FormErr)) => Self::Format,
            NetError::Dns(_) => Self::ServerFailure,
            NetError::Proto(_) => Self::Format,
            _ => Self::Unreachable,
        }
    }
}
