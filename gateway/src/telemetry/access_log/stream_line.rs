//! The line of one stream.

use tokio::time::Instant;

use super::line::{milliseconds, route, tries};
use super::time::TimeText;
use crate::exchange::StreamSession;
use crate::telemetry::json::{address_field, number_field, text_field};

/// Appends one line. Names are those of `docs/operations.md`; what is not known is left out.
pub(super) fn write(session: &StreamSession, time: &mut TimeText, out: &mut String) {
    out.push_str("{\"time\":\"");
    time.write(session.started_unix_ms, out);
    out.push('"');
    text_field("protocol", session.carrier.as_str(), out);
    address_field("client_ip", session.client.ip(), out);
    number_field("port", session.destination.port(), out);
    number_field("status", session.status, out);
    number_field("bytes_in", session.bytes_in, out);
    number_field("bytes_out", session.bytes_out, out);
    if let Some(name) = &session.server_name {
        text_field("sni", name, out);
    }
    if let Some(tls) = &session.tls {
        text_field("tls", tls.version, out);
        text_field("cipher", tls.cipher, out);
    }
    let since_began =
        |moment: Option<Instant>| moment.map(|moment| moment.saturating_duration_since(session.started));
    milliseconds("session_ms", since_began(session.ended).unwrap_or_default(), out);
    if let Some(connect) = since_began(session.connected) {
        milliseconds("connect_ms", connect, out);
    }
    route(session.route.as_deref(), out);
    tries(&session.tries, out);
    if let Some(error) = &session.error {
        text_field("error", error, out);
    }
    out.push_str("}\n");
}
