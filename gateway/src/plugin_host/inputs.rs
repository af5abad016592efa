//! The declared inputs of a call, read from an exchange.
//!
//! Values are held by reference counts where that is possible; what is not known is absent.

use std::borrow::Cow;
use std::cell::Cell;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode;
use tokio::time::Instant;
use uuid::Uuid;

use crate::exchange::{Exchange, host_without_port};
use crate::plugin_host::bindings::weir::plugin::types::Input;
use crate::plugin_host::guest::Held;

/// An input that an assignment asks for, made ready to be read many times.
#[derive(Debug)]
pub(crate) struct WantedInput {
    input: Input,
    /// The header that it names, if it is one.
    header: Option<HeaderName>,
}

impl From<Input> for WantedInput {
    #[expect(clippy::wildcard_enum_match_arm, reason = "two of the many inputs name a header")]
    fn from(input: Input) -> Self {
        let header = match &input {
            Input::Header(name) | Input::RequestHeader(name) => HeaderName::from_bytes(name.as_bytes()).ok(),
            _ => None,
        };
        Self { input, header }
    }
}

thread_local! {
    /// Bytes of a record, by the last one: a string that has to grow is copied, and most records are about as long.
    static USUAL: Cell<usize> = const { Cell::new(2 << 10) };
}

/// Reads inputs of one exchange.
pub(crate) struct Reader<'a> {
    exchange: &'a Exchange,
    /// `header` and `all-headers` speak of the response.
    in_response: bool,
    log_record: fn(&Exchange, &mut String),
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        exchange: &'a Exchange,
        in_response: bool,
        log_record: fn(&Exchange, &mut String),
    ) -> Self {
        Self { exchange, in_response, log_record }
    }

    pub(crate) fn read_all(&self, inputs: &[WantedInput]) -> Vec<Held> {
        inputs.iter().map(|wanted| self.read_wanted(wanted)).collect()
    }

    fn read_wanted(&self, wanted: &WantedInput) -> Held {
        let Some(name) = &wanted.header else { return self.read(&wanted.input) };
        let of_request = matches!(wanted.input, Input::RequestHeader(_));
        let headers = if of_request { Some(&self.exchange.request.headers) } else { self.headers() };
        headers.map_or(Held::Absent, |headers| header(headers, name))
    }

    pub(crate) fn read(&self, input: &Input) -> Held {
        let exchange = self.exchange;
        match input {
            Input::Method => method(exchange.target.method.as_ref().unwrap_or(&exchange.request.method)),
            Input::Scheme => match exchange.target.scheme.as_deref() {
                Some("https") => Held::Static("https"),
                Some(_) => Held::Static("http"),
                None => Held::Static(exchange.peer.scheme.as_str()),
            },
            Input::Host => {
                let changed = exchange.target.host.as_deref().map(host_without_port);
                text(changed.unwrap_or(exchange.host()).to_ascii_lowercase())
            }
            Input::Path => match &exchange.target.path {
                Some(path) => text(path.as_str()),
                None => Held::Path(exchange.request.uri.clone()),
            },
            Input::Query => match exchange.target.query.as_deref() {
                Some("") => Held::Absent,
                Some(query) => text(query),
                None => Held::Query(exchange.request.uri.clone()),
            },
            Input::ClientIp => text(address(exchange.peer.client.ip())),
            Input::ClientPort => Held::Number(exchange.peer.client.port().into()),
            Input::TlsSni | Input::TlsClientCertSha256 => Held::Absent,
            Input::RouteId | Input::ServiceId => self.route(input),
            Input::ConsumerId | Input::ConsumerUsername | Input::CredentialId => self.identity(input),
            Input::RequestId => Held::Id(exchange.id),
            Input::AllHeaders => self.headers().map_or(Held::Absent, all_headers),
            Input::Header(name) => self.headers().map_or(Held::Absent, |headers| header_named(headers, name)),
            Input::RequestHeader(name) => header_named(&exchange.request.headers, name),
            Input::QueryParam(name) => self.query_param(name),
            Input::Cookie(name) => cookie(&exchange.request.headers, name),
            Input::PathParam(name) => {
                let found = exchange.captures.iter().find(|capture| capture.name == *name);
                found.map_or(Held::Absent, |capture| text(capture.value.as_str()))
            }
            Input::Attribute(key) => exchange.attributes.get(key).map_or(Held::Absent, text),
            Input::LogRecord => Held::Record(self.record()),
            Input::ResponseStatus
            | Input::UpstreamAddr
            | Input::UpstreamLatencyUs
            | Input::GatewayLatencyUs
            | Input::TotalLatencyUs
            | Input::BytesIn
            | Input::BytesOut
            | Input::StartedAtUnixMs => self.outcome(input).unwrap_or(Held::Absent),
        }
    }

    fn record(&self) -> String {
        let mut record = String::with_capacity(USUAL.get());
        (self.log_record)(self.exchange, &mut record);
        USUAL.set((record.len() + record.len() / 16).clamp(1 << 10, 16 << 10));
        record
    }

    fn headers(&self) -> Option<&'a HeaderMap> {
        if self.in_response {
            self.exchange.response.as_ref().map(|head| &head.headers)
        } else {
            Some(&self.exchange.request.headers)
        }
    }

    fn route(&self, input: &Input) -> Held {
        let Some(facts) = &self.exchange.route else {
            return Held::Absent;
        };
        match (input, &facts.service) {
            (Input::RouteId, _) => id(&facts.route.id),
            (_, Some(service)) => id(&service.id),
            (_, None) => Held::Absent,
        }
    }

    fn identity(&self, input: &Input) -> Held {
        let Some(identity) = &self.exchange.identity else {
            return Held::Absent;
        };
        let consumer = identity.consumer.as_ref();
        if matches!(input, Input::ConsumerId) {
            consumer.map_or(Held::Absent, |consumer| id(&consumer.id))
        } else if matches!(input, Input::ConsumerUsername) {
            consumer.and_then(|consumer| consumer.username.as_deref()).map_or(Held::Absent, text)
        } else {
            identity.credential.as_deref().map_or(Held::Absent, text)
        }
    }

    /// What is known of the answer; `None` before there is one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands on only the inputs named here")]
    fn outcome(&self, input: &Input) -> Option<Held> {
        let exchange = self.exchange;
        let micros = |time: Duration| Held::Number(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        Some(match input {
            Input::ResponseStatus => Held::Number(exchange.response.as_ref()?.status.as_u16().into()),
            Input::UpstreamAddr => text(exchange.tries.last()?.address.to_string()),
            Input::UpstreamLatencyUs => micros(exchange.timing.upstream_latency()?),
            Input::GatewayLatencyUs => micros(exchange.timing.gateway_latency()),
            Input::TotalLatencyUs => micros(exchange.timing.total(Instant::now())),
            Input::BytesIn => Held::Number(exchange.bytes_in),
            Input::BytesOut => Held::Number(exchange.bytes_out),
            Input::StartedAtUnixMs => Held::Number(exchange.timing.started_unix_ms),
            _ => return None,
        })
    }

    fn query_param(&self, name: &str) -> Held {
        let changed = self.exchange.target.query.as_deref();
        let query = changed.or(self.exchange.request.uri.query()).unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        let found = pairs.filter(|(key, _)| key == name).map(|(_, value)| match value {
            Cow::Borrowed(value) => Bytes::copy_from_slice(value.as_bytes()),
            Cow::Owned(value) => Bytes::from(value),
        });
        values(name, found.collect())
    }
}

fn text(text: impl Into<Box<str>>) -> Held {
    Held::Text(text.into())
}

fn id(id: &Uuid) -> Held {
    text(&*id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

/// As `Display` writes it; the common kind without the formatting machinery.
fn address(ip: IpAddr) -> String {
    let IpAddr::V4(ip) = ip else { return ip.to_string() };
    let mut text = String::with_capacity(15);
    for octet in ip.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(itoa::Buffer::new().format(octet));
    }
    text
}

fn method(method: &http::Method) -> Held {
    for known in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] {
        if method.as_str() == known {
            return Held::Static(known);
        }
    }
    text(method.as_str())
}

/// One value as bytes, several as a list.
fn header(headers: &HeaderMap, name: &HeaderName) -> Held {
    let all = headers.get_all(name);
    let mut found = all.iter();
    let Some(first) = found.next() else {
        return Held::Absent;
    };
    let Some(second) = found.next() else {
        return Held::Header(first.clone());
    };
    let pair = |value: &HeaderValue| (name.clone(), value.clone());
    Held::Headers([first, second].into_iter().chain(found).map(pair).collect())
}

fn header_named(headers: &HeaderMap, name: &str) -> Held {
    HeaderName::from_bytes(name.as_bytes()).map_or(Held::Absent, |name| header(headers, &name))
}

fn all_headers(headers: &HeaderMap) -> Held {
    Held::Headers(headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn cookie(headers: &HeaderMap, name: &str) -> Held {
    let mut found = Vec::new();
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let rest = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            found.extend(rest.map(|value| Bytes::from(percent_decode(value).collect::<Vec<u8>>())));
        }
    }
    values(name, found)
}

fn values(name: &str, mut found: Vec<Bytes>) -> Held {
    match found.len() {
        0 => Held::Absent,
        1 => found.pop().map_or(Held::Absent, Held::Bytes),
        _ => Held::Values(name.into(), found),
    }
}
