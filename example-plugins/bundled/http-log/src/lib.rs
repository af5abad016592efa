//! Kong's `http-log`: sends the record of each exchange to an HTTP server.
//!
//! The host gathers the records, bounds the queue and repeats a batch that failed; this plugin
//! writes the request and judges the answer.

mod config;
mod endpoint;

#[cfg(test)]
mod tests;

pub use config::{Config, ContentType, Method, Queue};

use weir_plugin_sdk::http::{self, HttpError, Request};
use weir_plugin_sdk::{
    About, Capability, ConfigProblem, Failure, Header, Input, InputList, Log, LogEntry, Plugin, Setup, Slot,
};

use endpoint::Endpoint;

/// The server's answer is only looked at for its status.
const MAX_RESPONSE_BYTES: u32 = 64 * 1024;

/// The plugin, configured for one assignment.
pub struct HttpLog {
    method: &'static str,
    url: String,
    headers: Vec<Header>,
    timeout_ms: u32,
    /// Kong sends a single object exactly when its batches are of one record.
    as_array: bool,
    record: Slot,
}

impl Plugin for HttpLog {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(12)
            .needs(Capability::http_client("to send the records", &["$(config.http_endpoint)"]))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let endpoint = Endpoint::parse(&config.http_endpoint)
            .map_err(|problem| vec![ConfigProblem::new("/http_endpoint", problem)])?;
        let batch = config.batch();
        let mut inputs = InputList::new();
        let record = inputs.want(Input::LogRecord);
        let plugin = Self {
            method: config.method.unwrap_or(Method::Post).as_str(),
            headers: headers(&config, &endpoint),
            url: endpoint.url,
            timeout_ms: whole_ms(config.timeout),
            as_array: batch.max_entries > 1,
            record,
        };
        Ok((plugin, Setup::new().log(inputs).log_batch(batch)))
    }
}

impl Log for HttpLog {
    fn on_log(&mut self, entries: &[LogEntry]) -> Result<(), Failure> {
        if self.as_array {
            return self.send(entries);
        }
        entries.iter().try_for_each(|entry| self.send(std::slice::from_ref(entry)))
    }
}

weir_plugin_sdk::export!(HttpLog: log);

impl HttpLog {
    fn send(&self, entries: &[LogEntry]) -> Result<(), Failure> {
        let request = Request {
            method: self.method.into(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body(entries),
            timeout_ms: self.timeout_ms,
            max_response_bytes: MAX_RESPONSE_BYTES,
        };
        match http::send(&request) {
            Ok(response) if response.status < 300 => Ok(()),
            // The server has taken the records, whatever it had to say.
            Err(HttpError::TooLarge) => Ok(()),
            Ok(response) => Err(Failure::retryable(format!("the log server answered {}", response.status))),
            Err(HttpError::Denied) => Err(Failure::permanent("requests to the log server are not granted")),
            Err(
                error @ (HttpError::Dns
                | HttpError::Connect
                | HttpError::Tls
                | HttpError::Timeout
                | HttpError::Protocol
                | HttpError::Budget),
            ) => Err(Failure::retryable(format!("the log server could not be reached: {error:?}"))),
        }
    }

    fn body(&self, entries: &[LogEntry]) -> Vec<u8> {
        let records = entries.iter().filter_map(|entry| entry.inputs().bytes(self.record));
        let joined = records.collect::<Vec<_>>().join(&b',');
        if self.as_array { [b"[", joined.as_slice(), b"]"].concat() } else { joined }
    }
}

/// The plugin's own headers come first, and a configured one never replaces them.
fn headers(config: &Config, endpoint: &Endpoint) -> Vec<Header> {
    let header = |name: &str, value: &str| Header { name: name.to_ascii_lowercase(), value: value.into() };
    let mut headers = vec![header("content-type", config.content_type.unwrap_or(ContentType::Json).as_str())];
    headers.extend(endpoint.authorization.iter().map(|value| header("authorization", value)));
    for (name, value) in config.headers.iter().flatten() {
        if !headers.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
            headers.push(header(name, value));
        }
    }
    headers
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped; `as` saturates")]
fn whole_ms(timeout: Option<f64>) -> u32 {
    timeout.unwrap_or(10_000.0).max(1.0) as u32
}
