//! Bundled plugins through the real process. Each has Kong's rules as tables beside its source; here it is seen that
//! configuration, credentials and messages reach it.

mod acl;
mod basic_auth;
mod bot_detection;
mod correlation_id;
mod cors;
mod hmac_auth;
mod ip_restriction;
mod jwt;
mod key_auth;
mod prometheus;
mod rate_limiting;
mod redirect;
mod request_size_limiting;
mod request_termination;
mod response_ratelimiting;
mod schemas;
mod transformers;
