//! Which headers never show their values in a log record. Kong's list.

use http::HeaderName;
use http::header::{AUTHORIZATION, PROXY_AUTHORIZATION};

/// What stands in place of a value.
pub(super) const REDACTED: &str = "REDACTED";

/// Whether the value of a request header is a credential.
pub(super) fn is_secret(name: &HeaderName) -> bool {
    // Two comparisons of well-known names cost less than one of bytes.
    *name == AUTHORIZATION || *name == PROXY_AUTHORIZATION
}
