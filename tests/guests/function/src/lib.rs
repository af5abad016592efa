//! A plain `wasi:http` 0.2 component that knows nothing of the gateway. The path says what it does.

// The world is exported under names that only a component can have: elsewhere the linker refuses them.
#![cfg(target_arch = "wasm32")]

use wasip2::cli::stderr::get_stderr;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasip2::io::streams::{OutputStream, StreamError};

/// An hour, in nanoseconds.
const HOUR: u64 = 3_600_000_000_000;
/// Bytes that are read at once.
const CHUNK: u64 = 64 << 10;

struct Function;

impl wasip2::exports::http::incoming_handler::Guest for Function {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/echo" => echo(&request, out),
            "/fetch" => say(out, 200, fetch(query).as_bytes()),
            "/late-trap" => {
                let (_body, stream) = begin(out, 200, &[]);
                write(&stream, b"half of ");
                std::process::abort();
            }
            "/short" => {
                let (body, stream) = begin(out, 200, &[("content-length", "10")]);
                write(&stream, b"short");
                drop(stream);
                _ = OutgoingBody::finish(body, None);
            }
            "/log" => {
                _ = get_stderr().blocking_write_and_flush(b"a line of its own\n");
                say(out, 200, b"logged");
            }
            "/loop" => spin(),
            "/memory" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(vec![1_u8; 1 << 20]);
                }
            }
            "/sleep" => {
                subscribe_duration(HOUR).block();
                say(out, 200, b"an hour later");
            }
            "/silent" => {}
            "/sleep-in-the-middle" => {
                let (body, stream) = begin(out, 200, &[]);
                write(&stream, b"half of ");
                subscribe_duration(HOUR).block();
                drop(stream);
                _ = OutgoingBody::finish(body, None);
            }
            "/error" => ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some("its own".to_owned())))),
            "/split" => {
                let (body, stream) =
                    begin(out, 200, &[("connection", "x-hop"), ("x-hop", "1"), ("x-end", "2")]);
                drop(stream);
                _ = OutgoingBody::finish(body, None);
            }
            "/trap" => std::process::abort(),
            _ => about(&request, out),
        }
    }
}

/// Answers with what it was asked.
fn about(request: &IncomingRequest, out: ResponseOutparam) {
    let method = request.method();
    let mut text = format!(
        "{method:?} {} {}\n",
        request.authority().unwrap_or_default(),
        request.path_with_query().unwrap_or_default()
    );
    for (name, value) in request.headers().entries() {
        text += &format!("{name}: {}\n", String::from_utf8_lossy(&value));
    }
    say(out, 203, text.as_bytes());
}

/// Sends the body back as it comes.
fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let Ok(incoming) = request.consume() else { return };
    let (body, to) = begin(out, 200, &[("x-function", "echo")]);
    if let Ok(from) = incoming.stream() {
        loop {
            match from.blocking_read(CHUNK) {
                Ok(bytes) => write(&to, &bytes),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(_)) => return,
            }
        }
    }
    drop(to);
    drop(IncomingBody::finish(incoming));
    _ = OutgoingBody::finish(body, None);
}

/// Gets `http://AUTHORITY/PATH` and says what came of it.
fn fetch(target: &str) -> String {
    let (authority, path) = target.split_once('/').unwrap_or((target, ""));
    let request = OutgoingRequest::new(Fields::new());
    let set = request.set_scheme(Some(&Scheme::Http)).is_ok()
        && request.set_authority(Some(authority)).is_ok()
        && request.set_path_with_query(Some(&format!("/{path}"))).is_ok();
    if !set {
        return "refused before it was sent".to_owned();
    }
    let pending = match outgoing_handler::handle(request, None) {
        Ok(pending) => pending,
        Err(code) => return format!("{code:?}"),
    };
    pending.subscribe().block();
    let response = match pending.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(code))) => return format!("{code:?}"),
        Some(Err(())) | None => return "nothing".to_owned(),
    };
    let mut text = format!("{} ", response.status());
    let Ok(body) = response.consume() else { return text };
    let Ok(stream) = body.stream() else { return text };
    while let Ok(bytes) = stream.blocking_read(CHUNK) {
        text += &String::from_utf8_lossy(&bytes);
    }
    text
}

fn say(out: ResponseOutparam, status: u16, text: &[u8]) {
    let (body, stream) = begin(out, status, &[]);
    write(&stream, text);
    drop(stream);
    _ = OutgoingBody::finish(body, None);
}

/// Sends the head of an answer, and gives what its body is written to.
#[expect(clippy::expect_used, reason = "what cannot be is a trap of a test's guest")]
fn begin(out: ResponseOutparam, status: u16, headers: &[(&str, &str)]) -> (OutgoingBody, OutputStream) {
    let fields = Fields::new();
    for (name, value) in headers {
        // The host may refuse it; so be it.
        _ = fields.append(name, value.as_bytes());
    }
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).expect("a status");
    let body = response.body().expect("the first time");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the first time");
    (body, stream)
}

/// Writes all of it, as fast as it is taken.
fn write(to: &OutputStream, bytes: &[u8]) {
    for part in bytes.chunks(4096) {
        if to.blocking_write_and_flush(part).is_err() {
            return;
        }
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

wasip2::http::proxy::export!(Function);
